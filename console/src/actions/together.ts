/** Acts on several jobs in one call, and shows what became of each in one summary. */

import { answered, followed, unfollowed } from '@/actions/acting'
import { want } from '@/actions/wanted'
import type { Wish } from '@/actions/wishes'
import { api, body } from '@/api/client'
import type { Job, Outcome } from '@/api/schema'

/** Asks, follows those that were not refused, and opens the summary. Throws a `Problem` when nothing was asked for. */
export async function together(wish: Wish | 'priority', jobs: readonly Job[], priority?: number): Promise<void> {
    const ids = jobs.map((job) => job.id)
    const ask = { action: wish, ids, priority: priority ?? null, filter: null, cursor: null, dry_run: false }
    if (wish !== 'priority') followed(jobs, wish)
    try {
        const { outcomes } = await body(api.POST('/api/v1/jobs:batch', { body: ask }))
        unfollowed(summed(jobs, outcomes).refused.map(({ job }) => job.id))
        want({ kind: 'summary', wish, jobs, outcomes })
    } catch (problem) {
        unfollowed(ids)
        throw problem
    }
}

export type Refused = { job: Job; why: string; status: number }

/** Which were done, and which refused and why; outcomes come in the order of the jobs. Pure. */
export function summed(jobs: readonly Job[], outcomes: readonly Outcome[]): { done: Job[]; refused: Refused[] } {
    const by = new Map(outcomes.map((outcome, place) => [outcome.id ?? jobs[place]?.id, outcome]))
    const done: Job[] = []
    const refused: Refused[] = []
    for (const job of jobs) {
        const outcome = by.get(job.id)
        if (outcome !== undefined && outcome.status < 300) done.push(job)
        else refused.push({ job, why: outcome?.problem?.detail ?? '', status: outcome?.status ?? 0 })
    }
    return { done, refused }
}

/** Gives one job another place in the queue. Throws a `Problem`. */
export async function move(id: string, priority: number): Promise<void> {
    const path = { params: { path: { job_id: id } } }
    answered(await body(api.PATCH('/api/v1/jobs/{job_id}', { ...path, body: { priority } })))
}
