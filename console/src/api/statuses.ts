/** What a status means wherever jobs are shown. Pure. */

import type { JobStatus } from '@/api/schema'

const OVER: readonly JobStatus[] = ['finished', 'failed', 'error', 'killed']

/** Whether a job with this status is over for good. */
export function isOver(status: JobStatus): boolean {
    return OVER.includes(status)
}
