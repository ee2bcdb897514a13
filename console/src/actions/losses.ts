/** What stopping a running job loses: the work since its last checkpoint, in the time of what it holds. Pure. */

import type { Job } from '@/api/schema'
import { hasRun } from '@/actions/wishes'

/** When a run wrote its last checkpoint: a moment, `none` so far, or `unknown`. */
export type Checkpoint = number | 'none' | 'unknown'

export type Loss =
    | { kind: 'nothing' }
    | { kind: 'unknown'; since: number; held: number; unit: 'device' | 'cpu' }
    | { kind: 'all' | 'since'; since: number; held: number; unit: 'device' | 'cpu'; minutes: number }

type Stopped = Pick<Job, 'status' | 'started_at' | 'devices_total' | 'cpus' | 'nodes'>

/** What is lost if the job ends at `now` without another checkpoint. */
export function loss(job: Stopped, checkpoint: Checkpoint, now: number): Loss {
    if (!hasRun(job) || job.started_at === null) return { kind: 'nothing' }
    const start = Date.parse(job.started_at)
    const [held, unit] =
        job.devices_total > 0 ? ([job.devices_total, 'device'] as const) : ([job.cpus * job.nodes, 'cpu'] as const)
    if (checkpoint === 'unknown') return { kind: 'unknown', since: start, held, unit }
    const kind = checkpoint === 'none' || checkpoint < start ? 'all' : 'since'
    const since = kind === 'since' ? (checkpoint as number) : start
    return { kind, since, held, unit, minutes: (held * Math.max(0, now - since)) / 60_000 }
}

/** `0.4`, `12`, `960`: no more precise than it is worth. */
export function minutes(amount: number): string {
    return amount < 10 ? String(Math.round(amount * 10) / 10) : String(Math.round(amount))
}
