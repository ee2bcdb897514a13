/**
 * The draft of this tab, kept over a reload and an ended sign-in, for the person who typed it. It holds names of
 * secrets, never their values: the form has no place for those.
 */

import type { Unseen } from '@/submit/clone'
import { emptyDraft, type Draft } from '@/submit/draft'

export type Kept = {
    draft: Draft
    /** The job that it was cloned from: its address doesn't fill the form a second time. */
    clone: { id: string; name: string; unseen: Unseen[] } | null
    /** What was tried, and its key: a repetition of the same makes no second job. */
    tried: { body: string; key: string } | null
}

export function readKept(person: string): Kept | null {
    const stored: unknown = parsed(sessionStorage.getItem(placeOf(person)))
    if (typeof stored !== 'object' || stored === null || !('draft' in stored)) return null
    const kept = stored as Kept
    return { ...kept, draft: { ...emptyDraft(), ...kept.draft } }
}

export function keep(person: string, kept: Kept): void {
    try {
        sessionStorage.setItem(placeOf(person), JSON.stringify(kept))
    } catch {
        // The browser has no room, or keeps nothing: the form works as before.
    }
}

export function forgetKept(person: string): void {
    sessionStorage.removeItem(placeOf(person))
}

function placeOf(person: string): string {
    return `jobyard.submit.${person}`
}

function parsed(text: string | null): unknown {
    try {
        return JSON.parse(text ?? 'null')
    } catch {
        return null
    }
}
