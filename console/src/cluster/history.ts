/** From the history of the yard to the lines of a chart. Pure. Where nobody knows, there is a gap. */

import type { ClusterHistory, ClusterSeries } from '@/api/schema'
import type { Line, Plot } from '@/job/metrics/lines'

/** How far back, and how fine; a sample is taken each 30 s. */
export const SPANS = {
    '1h': { start: '-1h', step: '60' },
    '6h': { start: '-6h', step: '120' },
    '24h': { start: '-24h', step: '480' },
    '7d': { start: '-7d', step: '3600' },
} as const
export type Span = keyof typeof SPANS
export const SPAN_NAMES = Object.keys(SPANS) as Span[]

/** Null where there is nothing in it. `vc`: null for the whole yard. */
export function plotOf(
    history: ClusterHistory,
    names: readonly ClusterSeries['name'][],
    vc: string | null,
    words: (series: ClusterSeries) => string,
): Plot | null {
    const chosen = names.flatMap((name) => history.series.filter((one) => one.name === name && one.vc === vc))
    if (!chosen.some(({ values }) => values.some((value) => value !== null))) return null
    const start = Date.parse(history.start) / 1000
    const length = Math.max(...chosen.map(({ values }) => values.length))
    return {
        unit: '',
        times: Array.from({ length }, (_, at) => start + at * history.step),
        lines: chosen.map((one) => lineOf(one, words(one))),
    }
}

function lineOf({ name, device_type, values }: ClusterSeries, words: string): Line {
    return {
        key: `${name} ${device_type ?? ''}`,
        name: words,
        direction: null,
        rank: null,
        device: null,
        host: false,
        sum: null,
        values,
    }
}
