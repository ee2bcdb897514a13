/**
 * Submitting. Invariant: what was sent once, and is sent again unchanged, has the same Idempotency-Key; so a double
 * press, a lost answer or a reload in between makes one job.
 */

import { ref, type Ref } from 'vue'
import { api, body, Problem } from '@/api/client'
import { newKey } from '@/api/keys'
import type { Job, JobRequest } from '@/api/schema'
import type { Kept } from '@/submit/kept'
import type { Submission } from '@/submit/request'
import { givenUp } from '@/ui/problems'

export function useSubmission(request: Readonly<Ref<Submission>>, tried: Ref<Kept['tried']>) {
    const pending = ref(false)
    /** It was sent, and no answer came. */
    const uncertain = ref(false)

    /** The stored job; null where somebody else is on it, or whoever asked has left. Throws a `Problem`. */
    async function submit(): Promise<Job | null> {
        if (pending.value) return null
        pending.value = true
        uncertain.value = false
        try {
            const header = { 'Idempotency-Key': keyOf(request.value) }
            return await body(api.POST('/api/v1/jobs', { body: request.value as JobRequest, params: { header } }))
        } catch (error) {
            if (givenUp(error)) return null
            uncertain.value = error instanceof Problem && (error.status === 0 || error.status >= 500)
            throw error
        } finally {
            pending.value = false
        }
    }

    function keyOf(asked: Submission): string {
        const text = JSON.stringify(asked)
        if (tried.value?.body !== text) tried.value = { body: text, key: newKey() }
        return tried.value.key
    }

    return { pending, uncertain, submit }
}
