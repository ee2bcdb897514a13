/** The address of a job's dashboard in Grafana, on our own origin or not at all. Pure. */

import { LENGTHS, type Range } from '@/job/metrics/ranges'

export type Shown = {
    readonly jobId: string
    readonly range: Range
    /** What the charts show now, in seconds since 1970. */
    readonly from: number
    readonly to: number
    readonly live: boolean
    readonly dark: boolean
}

const FOLDER = '/grafana/'

/** `path`: where the gateway says that the dashboard is; null where that is no page below /grafana/ of this origin. */
export function dashboard(path: string | null | undefined, origin: string, shown: Shown): string | null {
    if (!path || !URL.canParse(path, origin)) return null
    const url = new URL(path, origin)
    if (url.origin !== origin || !url.pathname.startsWith(FOLDER)) return null
    const { kind } = shown.range
    const relative = shown.live && kind !== 'custom' && kind !== 'life'
    url.searchParams.set('var-job_id', shown.jobId)
    url.searchParams.set('from', relative ? `now-${LENGTHS[kind]}s` : String(Math.floor(shown.from * 1000)))
    url.searchParams.set('to', shown.live ? 'now' : String(Math.ceil(shown.to * 1000)))
    url.searchParams.set('theme', shown.dark ? 'dark' : 'light')
    url.searchParams.set('kiosk', '1')
    if (shown.live) url.searchParams.set('refresh', '30s')
    return url.pathname + url.search
}
