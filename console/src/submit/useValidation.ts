/**
 * What the gateway says of a submission while it is typed: 300 ms after the last key, and never of what stood there
 * before. Typing never waits for it.
 */

import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { api, body, Problem } from '@/api/client'
import type { FieldError, JobRequest } from '@/api/schema'
import type { Submission } from '@/submit/request'
import { givenUp, sentence } from '@/ui/problems'

const DEBOUNCE_MS = 300
const AGAIN_MS = 5_000

/** `empty`: there is nothing to ask about. `unknown`: nobody could say. `text`: why, where no field is to blame. */
export type Verdict =
    | { kind: 'empty' }
    | { kind: 'checking' }
    | { kind: 'ok'; warnings: string[] }
    | { kind: 'refused'; errors: readonly FieldError[]; text: string }
    | { kind: 'unknown'; text: string }

export function useValidation(request: Readonly<Ref<Submission>>, empty: Readonly<Ref<boolean>>) {
    const verdict = ref<Verdict>({ kind: 'checking' })
    const checking = ref(false)
    let timer: ReturnType<typeof setTimeout> | undefined
    let asked: AbortController | null = null

    function plan(wait: number) {
        drop()
        if (empty.value) {
            said({ kind: 'empty' })
            return
        }
        checking.value = true
        timer = setTimeout(() => void check(), wait)
    }

    async function check() {
        const mine = (asked = new AbortController())
        try {
            const { signal } = mine
            const { warnings } = await body(
                api.POST('/api/v1/jobs:validate', { body: request.value as JobRequest, signal }),
            )
            if (mine === asked) said({ kind: 'ok', warnings })
        } catch (error) {
            if (mine === asked && !givenUp(error)) refuse(error)
        }
    }

    function said(now: Verdict) {
        checking.value = false
        verdict.value = now
    }

    /** What came of it elsewhere counts as well: a refused submission is a verdict. */
    function refuse(error: unknown) {
        const text = sentence(error)
        if (error instanceof Problem && !error.passes) {
            said({ kind: 'refused', errors: error.errors, text: error.errors.length > 0 ? '' : text })
            return
        }
        said({ kind: 'unknown', text })
        clearTimeout(timer)
        timer = setTimeout(() => void check(), AGAIN_MS)
    }

    /** Whatever is under way is of no interest any more. */
    function drop() {
        clearTimeout(timer)
        asked?.abort()
        asked = null
    }

    watch(
        () => JSON.stringify(request.value),
        () => plan(DEBOUNCE_MS),
    )
    plan(0)
    onScopeDispose(drop)
    return { verdict, checking, refuse }
}
