/** How many of one's jobs run, wait, are paused, and have failed today: asked again when one of them changes. */

import { useQuery } from '@tanstack/vue-query'
import { api, body } from '@/api/client'
import { today } from '@/jobs/days'
import { afresh, useTempo } from '@/live/useTempo'
import { useEvents } from '@/live/events'
import { useSession } from '@/session/session'

export function useCounts() {
    const { me } = useSession()
    const query = useQuery({
        queryKey: ['counts', 'mine'],
        queryFn: ({ signal }) =>
            body(
                api.GET('/api/v1/jobs:counts', { params: { query: { scope: 'mine', failed_since: today() } }, signal }),
            ),
        staleTime: 0,
    })
    const tempo = useTempo(() => afresh(query))
    useEvents((heard) => {
        if (heard.kind === 'reset') tempo.due()
        if (heard.kind === 'event' && heard.event.data.job.owner === me.value?.name) tempo.due()
    })
    return query.data
}
