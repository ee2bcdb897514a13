/** How many of one's jobs run, wait, are paused, and have failed today: asked again when one of them changes. */

import { useQuery } from '@tanstack/vue-query'
import { api, body } from '@/api/client'
import { afresh, useTempo } from '@/live/useTempo'
import { useEvents } from '@/live/events'
import { useSession } from '@/session/session'

export function useCounts() {
    const { me } = useSession()
    const query = useQuery({
        queryKey: ['counts', 'mine'],
        queryFn: ({ signal }) => body(api.GET('/api/v1/jobs:counts', { params: { query: asked(new Date()) }, signal })),
        staleTime: 0,
    })
    const tempo = useTempo(() => afresh(query))
    useEvents((heard) => {
        if (heard.kind === 'reset') tempo.due()
        if (heard.kind === 'event' && heard.event.data.job.owner === me.value?.name) tempo.due()
    })
    return query.data
}

/** Today began at midnight where one is. */
function asked(now: Date) {
    const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate())
    return { scope: 'mine', failed_since: midnight.toISOString() } as const
}
