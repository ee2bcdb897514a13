/** Asks the operators about a job, and follows the case until their mail has left: nothing tells that but asking. */

import { api, body } from '@/api/client'
import type { Job, SupportCase } from '@/api/schema'

const FIRST_LOOK_MS = 500
const LONGEST_LOOK_MS = 5000

export type Question = { subject: string; message: string; include_logs: boolean }

/** What the subject says before somebody has changed it. */
export function subjectFor(job: Pick<Job, 'id' | 'name' | 'status'>): string {
    return `${job.name} (${job.id}): ${job.status}`
}

/** Throws a `Problem`. */
export function request(jobId: string, question: Question, key: string): Promise<SupportCase> {
    const params = { path: { job_id: jobId }, header: { 'Idempotency-Key': key } }
    return body(api.POST('/api/v1/jobs/{job_id}/support', { params, body: question }))
}

/** Tells each state of the case until it is sent or failed for good, or nobody wants to know. */
export async function follow(first: SupportCase, tell: (now: SupportCase) => void, gone: AbortSignal): Promise<void> {
    let wait = FIRST_LOOK_MS
    let latest = first
    while (latest.status === 'waiting' && !gone.aborted) {
        await new Promise((done) => setTimeout(done, wait))
        wait = Math.min(wait * 2, LONGEST_LOOK_MS)
        const params = { path: { job_id: first.job_id } }
        const { items } = await body(api.GET('/api/v1/jobs/{job_id}/support', { params, signal: gone }))
        latest = items.find(({ id }) => id === first.id) ?? latest
        tell(latest)
    }
}
