/** A job's history as it grows: read once, then lengthened by each event as it comes. */

import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { api, body } from '@/api/client'
import type { JobEvent } from '@/api/schema'
import { jobKey } from '@/job/live'
import { appended } from '@/job/timeline/entries'
import { useEvents } from '@/live/events'
import { afresh, useTempo } from '@/live/useTempo'

export function useHistory(id: Ref<string>) {
    const client = useQueryClient()
    const key = computed(() => [...jobKey(id.value), 'events'] as const)
    const query = useQuery({
        queryKey: key,
        // Events are heard only while this is shown: what was kept from before may have missed some.
        staleTime: 0,
        queryFn: async ({ signal }): Promise<readonly JobEvent[]> => {
            const params = { path: { job_id: id.value } }
            const { items } = await body(api.GET('/api/v1/jobs/{job_id}/events', { params, signal }))
            // An event may have come while the answer was on its way.
            const known = client.getQueryData<readonly JobEvent[]>(key.value)
            return known !== undefined && known.length > items.length ? known : items
        },
    })
    const { due: look } = useTempo(() => afresh(query))

    useEvents((heard) => {
        if (heard.kind === 'reset') look()
        if (heard.kind !== 'event' || heard.event.data.job.id !== id.value) return
        const known = client.getQueryData<readonly JobEvent[]>(key.value)
        const longer = known && appended(known, heard.event)
        if (longer) client.setQueryData(key.value, longer)
        else look()
    })
    return query
}
