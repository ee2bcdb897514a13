/** The draft of the form: the one that was kept, or one like a job that is cloned, or an empty one. */

import { computed, reactive, ref, watch } from 'vue'
import { api, body } from '@/api/client'
import { cloneOf } from '@/submit/clone'
import { emptyDraft, isEmpty } from '@/submit/draft'
import { forgetKept, keep, readKept, type Kept } from '@/submit/kept'
import { requestOf } from '@/submit/request'

export function useDraft(person: string) {
    const before = readKept(person)
    const draft = reactive(before?.draft ?? emptyDraft())
    const clone = ref<Kept['clone']>(before?.clone ?? null)
    const tried = ref<Kept['tried']>(before?.tried ?? null)
    const restored = ref(before !== null && !isEmpty(draft))
    const request = computed(() => requestOf(draft))
    const empty = computed(() => isEmpty(draft))
    let over = false

    watch([draft, clone, tried], () => {
        if (!over) keep(person, { draft, clone: clone.value, tried: tried.value })
    })

    /** Fill the form from this job, unless it is from it already. Throws a `Problem`. */
    async function fillFrom(id: string) {
        if (clone.value?.id === id) return
        const job = await body(api.GET('/api/v1/jobs/{job_id}', { params: { path: { job_id: id } } }))
        const { draft: like, unseen } = cloneOf(job, person)
        Object.assign(draft, like)
        clone.value = { id, name: job.name, unseen }
        restored.value = false
    }

    function startOver() {
        Object.assign(draft, emptyDraft(), { vc: draft.vc })
        clone.value = null
        tried.value = null
        restored.value = false
    }

    /** It has become a job. */
    function done() {
        over = true
        forgetKept(person)
    }

    return { draft, request, empty, clone, tried, restored, fillFrom, startOver, done }
}
