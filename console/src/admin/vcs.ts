/** From a virtual cluster to the fields of its form, and back. Pure; an empty field is no bound. */

import type { Vc, VcChange } from '@/api/schema'

export const BOUNDS = ['max_priority', 'max_duration_s', 'jobs_per_user', 'endpoint_idle_s'] as const
export type Bound = (typeof BOUNDS)[number]
export type VcDraft = { name: string; open: boolean; bounds: Record<Bound, string> }

export function draftOf(vc: Vc | null): VcDraft {
    const bounds = Object.fromEntries(BOUNDS.map((bound) => [bound, vc?.[bound]?.toString() ?? '']))
    return { name: vc?.name ?? '', open: vc?.open ?? true, bounds: bounds as Record<Bound, string> }
}

/** What the gateway takes. What is no number travels as it was typed, so that the gateway names the field. */
export function changeOf(draft: VcDraft): VcChange {
    const bounds = BOUNDS.map((bound) => [bound, numberOf(draft.bounds[bound])])
    return { open: draft.open, ...Object.fromEntries(bounds) } as VcChange
}

function numberOf(text: string): number | string | null {
    const trimmed = String(text).trim()
    if (trimmed === '') return null
    return /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed
}
