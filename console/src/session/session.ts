/** Who is signed in. The one place that knows when a sign-in has ended, and lets what waits for a new one go on. */

import { readonly, ref } from 'vue'
import type { Me } from '@/api/schema'

export type SessionState = 'unknown' | 'out' | 'in' | 'expired'

const me = ref<Me | null>(null)
const state = ref<SessionState>('unknown')
const doubts = ref(0)
let waiting: PromiseWithResolvers<void> | null = null

/** The person, whether the sign-in counts, and how often it was doubted who that is. */
export function useSession() {
    return { me: readonly(me), state: readonly(state), doubts: readonly(doubts) }
}

/** Somebody else may be signed in by now. */
export function doubt(): void {
    doubts.value++
}

/** Resolves once somebody is signed in again; rejects when they leave instead. Shows the dialog meanwhile. */
export function signedInAgain(): Promise<void> {
    if (state.value === 'in') state.value = 'expired'
    if (waiting === null) {
        waiting = Promise.withResolvers()
        waiting.promise.catch(() => undefined)
    }
    return waiting.promise
}

/** Somebody is signed in. What another person had left waiting is given up. */
export function signedIn(person: Me): void {
    const same = me.value === null || me.value.name === person.name
    me.value = person
    state.value = 'in'
    settle(same)
}

/** Nobody is. */
export function signedOut(): void {
    me.value = null
    state.value = 'out'
    settle(false)
}

function settle(goOn: boolean): void {
    const before = waiting
    waiting = null
    if (goOn) before?.resolve()
    else before?.reject(new DOMException('signed out', 'AbortError'))
}
