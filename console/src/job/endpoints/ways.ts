/** A job's endpoints as they are now, and what one does to them. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, watch, type Ref } from 'vue'
import { api, body } from '@/api/client'
import type { Endpoint, Endpoints, Job, NewEndpoint } from '@/api/schema'
import { moves } from '@/job/endpoints/rows'
import { jobKey } from '@/job/live'

const STARTING_MS = 1000

/**
 * Endpoints are not in the event stream: they follow their job, whose events are, and are looked at while one starts.
 * Whoever comes back from another tab sees them fresh.
 */
export function useEndpoints(job: Ref<Job>) {
    const client = useQueryClient()
    const key = computed(() => [...jobKey(job.value.id), 'endpoints'] as const)
    const query = useQuery({
        queryKey: key,
        queryFn: ({ signal }) => {
            const params = { path: { job_id: job.value.id } }
            return body(api.GET('/api/v1/jobs/{job_id}/endpoints', { params, signal }))
        },
        staleTime: 0,
        refetchOnWindowFocus: true,
        refetchInterval: ({ state }) => (state.data && moves(state.data.items, job.value) ? STARTING_MS : false),
    })
    const refetch = () => client.invalidateQueries({ queryKey: key.value })
    watch(() => job.value.version, refetch)

    /** What an answer said of one is shown at once; the rest is asked for. */
    function learn(endpoint: Endpoint) {
        client.setQueryData<Endpoints>(key.value, (known) => {
            const others = known?.items.filter(({ name }) => name !== endpoint.name) ?? []
            return { items: [...others, endpoint] }
        })
        return refetch()
    }

    const enable = useMutation({
        mutationFn: (asked: NewEndpoint) => {
            const params = { path: { job_id: job.value.id } }
            return body(api.POST('/api/v1/jobs/{job_id}/endpoints', { params, body: asked }))
        },
        onSuccess: learn,
    })
    const disable = useMutation({
        mutationFn: (name: string) => {
            const params = { path: { job_id: job.value.id, name } }
            return body(api.DELETE('/api/v1/jobs/{job_id}/endpoints/{name}', { params }))
        },
        onSuccess: learn,
    })
    return { query, refetch, enable, disable }
}
