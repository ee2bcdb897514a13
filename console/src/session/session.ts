/** Who is signed in. The one place that knows when a sign-in has ended, and lets what waits for a new one go on. */

import { readonly, ref } from 'vue'
import type { Me } from '@/api/schema'

export type SessionState = 'unknown' | 'out' | 'in' | 'expired'

const me = ref<Me | null>(null)
const state = ref<SessionState>('unknown')
const doubts = ref(0)
let waiting: PromiseWithResolvers<void> | null = null

/** One sign-in, from its beginning: a request belongs to the one with which it was sent. `name`: null while unknown. */
export type SignIn = { readonly name: string | null }

let present: SignIn = { name: null }

/** The person, whether the sign-in counts, and how often it was doubted who that is. */
export function useSession() {
    return { me: readonly(me), state: readonly(state), doubts: readonly(doubts) }
}

/** Somebody else may be signed in by now. */
export function doubt(): void {
    doubts.value++
}

/** That of now. */
export function presentSignIn(): SignIn {
    return present
}

/**
 * Resolves once somebody is signed in again; rejects when they leave instead. Shows the dialog meanwhile.
 *
 * `ended`: the sign-in that counts no more. A refusal may arrive after one has signed in again: then nothing is awaited.
 */
export function signedInAgain(ended: SignIn = present): Promise<void> {
    if (state.value === 'in' && ended !== present)
        return ended.name === null || ended.name === present.name ? Promise.resolve() : Promise.reject(left())
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
    present = { name: person.name }
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
    else before?.reject(left())
}

function left(): DOMException {
    return new DOMException('signed out', 'AbortError')
}
