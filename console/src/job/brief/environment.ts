/** A job's environment as far as the reader may see it. Pure. */

import type { Job } from '@/api/schema'
import { HIDDEN } from '@/job/hidden'

/** `value` null where it is a secret's, or not for this reader. */
export type Variable = { name: string; value: string | null; secret: string | null }

export function environmentOf(job: Pick<Job, 'env'>): Variable[] {
    return Object.entries(job.env ?? {})
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([name, entry]) => {
            if (typeof entry !== 'string') return { name, value: null, secret: entry.secret }
            return { name, value: entry === HIDDEN ? null : entry, secret: null }
        })
}
