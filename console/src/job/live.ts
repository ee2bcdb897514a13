/** One job as it is now: fetched once, changed by its events, and fetched again where an event can't tell all. */

import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { useAnswers } from '@/actions/acting'
import { api, body } from '@/api/client'
import type { Job } from '@/api/schema'
import { isOver } from '@/api/statuses'
import { useEvents } from '@/live/events'
import { merged } from '@/live/merge'
import { afresh, useTempo } from '@/live/useTempo'

/** Under which the job is kept; what hangs on it stands below: `[...jobKey(id), 'endpoints']`. */
export function jobKey(id: string) {
    return ['job', id] as const
}

const PULL_MS = 2000

/** The job with this id. Its position in the queue has no event of its own: it is asked for at the queue's ticks. */
export function useJob(id: Ref<string>) {
    const client = useQueryClient()
    const query = useQuery({
        queryKey: computed(() => jobKey(id.value)),
        // Events are heard only while this is shown: what was kept from before may have missed some.
        staleTime: 0,
        // How far an image's pull is has no event: it is asked for while the job is being started.
        refetchInterval: () => (client.getQueryData<Job>(jobKey(id.value))?.status === 'scheduling' ? PULL_MS : false),
        queryFn: async ({ signal, queryKey: [, asked] }) => {
            const path = { job_id: asked }
            const fetched = await body(api.GET('/api/v1/jobs/{job_id}', { params: { path }, signal }))
            return newer(client.getQueryData<Job>(jobKey(asked)), fetched)
        },
    })
    const { due: look } = useTempo(() => afresh(query))

    useAnswers((job) => {
        if (job.id !== id.value) return
        client.setQueryData<Job>(jobKey(job.id), (known) => newer(known, job))
    })
    useEvents((heard) => {
        if (heard.kind === 'reset') look()
        const status = query.data.value?.status
        if (heard.kind === 'queue' && status === 'queued') look()
        if (heard.kind === 'nodes' && status !== undefined && !isOver(status)) look()
        if (heard.kind !== 'event' || heard.event.data.job.id !== id.value) return
        client.setQueryData<Job>(jobKey(id.value), (known) => known && merged(known, heard.event))
        look()
    })
    return query
}

/** An answer that was on its way while an event came is older than what is shown. */
export function newer(known: Job | undefined, fetched: Job): Job {
    return known !== undefined && known.version > fetched.version ? known : fetched
}
