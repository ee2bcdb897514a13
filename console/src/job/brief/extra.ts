/** What else a submission said, and where the job is or was. Pure. */

import type { Job, JobEvent } from '@/api/schema'

export type Variable = { name: string; value: string | null; secret: string | null }

/** The environment by name; `value` null where it is a secret or not for this reader. */
export function environmentOf(job: Job, hidden: string): Variable[] {
    return Object.entries(job.env ?? {})
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([name, entry]) => {
            if (typeof entry !== 'string') return { name, value: null, secret: entry.secret }
            return { name, value: entry === hidden ? null : entry, secret: null }
        })
}

/** `node-1: v100 0, 1`: what the job holds, by its newest event; empty where it holds nothing. */
export function placesOf(events: readonly JobEvent[], deviceType: string): string[] {
    const shares = events.at(-1)?.data.job.state.allocation?.shares ?? []
    return shares.map(({ node, devices }) => (devices?.length ? `${node}: ${deviceType} ${devices.join(', ')}` : node))
}

/** When a time limit ends the job that runs. */
export function endsAt(job: Job): string | null {
    if (job.status !== 'running' || job.started_at === null || !job.max_duration_s) return null
    return new Date(Date.parse(job.started_at) + job.max_duration_s * 1000).toISOString()
}
