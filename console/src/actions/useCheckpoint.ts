/** When a running job wrote its last checkpoint, asked once when a dialog opens; null while the answer is on its way. */

import { ref, type Ref } from 'vue'
import type { Checkpoint } from '@/actions/losses'
import { hasRun } from '@/actions/wishes'
import { api, body } from '@/api/client'
import type { Job } from '@/api/schema'

export function useCheckpoint(job: Pick<Job, 'id' | 'status'>): Ref<Checkpoint | null> {
    const found = ref<Checkpoint | null>(hasRun(job) ? null : 'unknown')
    if (hasRun(job)) void lookUp(job.id).then((checkpoint) => (found.value = checkpoint))
    return found
}

/** What can't be found out, or may not be known, is unknown: no reason not to stop a job. */
async function lookUp(id: string): Promise<Checkpoint> {
    try {
        const params = { path: { job_id: id } }
        const { known, written_at } = await body(api.GET('/api/v1/jobs/{job_id}/checkpoint', { params }))
        if (!known) return 'unknown'
        return written_at ? Date.parse(written_at) : 'none'
    } catch {
        return 'unknown'
    }
}
