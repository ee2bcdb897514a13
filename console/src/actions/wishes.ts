/**
 * What people do to jobs, decided without a page: which actions there are, what they lead to, and when the outcome of
 * one has arrived. Which of them a job allows now the gateway says, in `actions`.
 */

import type { Action, Job, JobAction, JobStatus } from '@/api/schema'
import { isOver } from '@/api/statuses'

export type Wish = Exclude<JobAction, 'priority'>

/** In the order in which they stand beside a job. */
export const ORDER = ['support', 'pause', 'resume', 'kill'] as const satisfies readonly Action[]

const RUNS: readonly JobStatus[] = ['running', 'pausing', 'killing']
const MOVABLE: readonly JobStatus[] = ['queued', 'scheduling', 'paused']

/** Where a job is after a wish: still on its way, as it was wished, or somewhere else for good. */
export function arrival(wish: Wish, status: JobStatus): 'under way' | 'there' | 'elsewhere' {
    if (wish === 'resume') return status === 'paused' ? 'under way' : isOver(status) ? 'elsewhere' : 'there'
    if (status === (wish === 'pause' ? 'paused' : 'killed')) return 'there'
    return isOver(status) ? 'elsewhere' : 'under way'
}

/** Whether there is work that stopping it may lose. */
export function hasRun(job: Pick<Job, 'status'>): boolean {
    return RUNS.includes(job.status)
}

/** Whether its place in the queue may be changed, by this person and now. */
export function mayMove(job: Pick<Job, 'status' | 'actions'>): boolean {
    const actions = job.actions ?? []
    return MOVABLE.includes(job.status) && (actions.includes('pause') || actions.includes('resume'))
}

export function allows(job: Pick<Job, 'actions'>, action: Action): boolean {
    return (job.actions ?? []).includes(action)
}
