/** One change that somebody asks of the gateway from a form: under way, refused with its fields, or done. */

import { computed, ref } from 'vue'
import { Problem } from '@/api/client'
import { givenUp, sentence } from '@/ui/problems'

/** `fields`: the names of inputs that show their own error; what is wrong elsewhere is in `error`. */
export function useChange(...fields: string[]) {
    const pending = ref(false)
    const problem = ref<unknown>(null)

    const wrong = computed<Record<string, string>>(() => {
        const errors = problem.value instanceof Problem ? problem.value.errors : []
        return Object.fromEntries(
            errors.filter(({ field }) => fields.includes(field)).map((one) => [one.field, one.message]),
        )
    })
    const error = computed(() =>
        problem.value === null || Object.keys(wrong.value).length > 0 ? '' : sentence(problem.value),
    )

    /** Do it; answers whether it was done. */
    async function run(change: () => Promise<unknown>): Promise<boolean> {
        if (pending.value) return false
        pending.value = true
        problem.value = null
        try {
            await change()
            return true
        } catch (failure) {
            if (!givenUp(failure)) problem.value = failure
            return false
        } finally {
            pending.value = false
        }
    }

    function forget() {
        problem.value = null
    }

    return { pending, error, wrong, run, forget }
}
