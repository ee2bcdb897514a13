/** Which dialog about jobs is open: one at a time, shown by `ActionHost`. */

import { readonly, ref, shallowRef } from 'vue'
import type { Job, Outcome } from '@/api/schema'
import type { Wish } from '@/actions/wishes'

export type Wanted =
    | { kind: 'confirm'; wish: Wish; jobs: readonly Job[] }
    | { kind: 'priority'; jobs: readonly Job[] }
    | { kind: 'support'; job: Job }
    | { kind: 'summary'; wish: Wish | 'priority'; jobs: readonly Job[]; outcomes: readonly Outcome[] }

const content = shallowRef<Wanted | null>(null)
const open = ref(false)
const turn = ref(0)

/** What was wanted last; it stays while its dialog closes. */
export const wanted = content
export const dialogOpen = readonly(open)
/** Each dialog begins anew, also for what was wanted before. */
export const dialogTurn = readonly(turn)
/** Likewise the menu of a job. */
export const menuOpen = ref(false)

export function want(what: Wanted): void {
    content.value = what
    turn.value++
    open.value = true
}

export function wantNothing(): void {
    open.value = false
}
