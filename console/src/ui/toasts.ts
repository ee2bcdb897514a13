/** Short messages about what was done or refused, at the edge of the page. */

import { readonly, ref } from 'vue'

export type Toast = { id: number; text: string; kind: 'done' | 'problem' }

const LASTS_MS = 6000
const shown = ref<Toast[]>([])
let last = 0

export const toasts = readonly(shown)

/** Say something. What went wrong stays until it is dismissed. */
export function say(text: string, kind: Toast['kind'] = 'done'): void {
    const id = ++last
    shown.value = [...shown.value.slice(-3), { id, text, kind }]
    if (kind === 'done') setTimeout(() => dismiss(id), LASTS_MS)
}

export function dismiss(id: number): void {
    shown.value = shown.value.filter((toast) => toast.id !== id)
}
