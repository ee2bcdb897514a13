/** What a status means wherever jobs are shown. Pure. */

import type { JobStatus } from '@/api/schema'

const OVER: readonly JobStatus[] = ['finished', 'failed', 'error', 'killed']

const FAILED: readonly JobStatus[] = ['failed', 'error']

/** Whether its command failed, or it could not be run: the page says first why. */
export function hasFailed(status: JobStatus): boolean {
    return FAILED.includes(status)
}

/** Whether a job with this status is over for good. */
export function isOver(status: JobStatus): boolean {
    return OVER.includes(status)
}
