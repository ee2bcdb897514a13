/** The yard as it is now: asked again when something moved, every 2 s at most, and only while somebody looks. */

import { useQuery } from '@tanstack/vue-query'
import { onScopeDispose } from 'vue'
import { api, body } from '@/api/client'
import { afresh, useTempo } from '@/live/useTempo'
import { useEvents } from '@/live/events'

const SHORTEST_MS = 2_000
/** Nothing tells of the next sample of the history. */
export const QUIET_MS = 30_000

export function useCluster() {
    const query = useQuery({
        queryKey: ['cluster'],
        queryFn: ({ signal }) => body(api.GET('/api/v1/cluster', { signal })),
        staleTime: 0,
    })
    const tempo = useTempo(() => afresh(query), SHORTEST_MS)
    useEvents((heard) => {
        if (heard.kind !== 'state') tempo.due()
    })
    const timer = setInterval(() => tempo.due(), QUIET_MS)
    onScopeDispose(() => clearInterval(timer))
    return query
}
