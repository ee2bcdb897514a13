/** Walks through rows by keyboard: arrows or j and k, Enter opens, Space selects, Escape lets the selection go. */

import { onMounted, onUnmounted, type Ref } from 'vue'
import { stepped } from '@/jobs/steps'

type Deeds = { open: (id: string) => void; select: (id: string) => void; leave: () => void }

/** Where these keys mean something else. */
const OWN_KEYS = 'input:not([type=checkbox]), textarea, select, [contenteditable], [role=dialog] *, [role=menu] *'

export function useRowKeys(body: Ref<HTMLElement | null>, deeds: Deeds): void {
    function pressed(event: KeyboardEvent) {
        const { key, target } = event
        if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement)) return
        if (target.matches(OWN_KEYS) || document.querySelector('[role=dialog]')) return
        const rows = Array.from(body.value?.querySelectorAll<HTMLElement>('tr') ?? [])
        const row = target.closest<HTMLElement>('tbody tr')
        const place = stepped(key, row === null ? null : rows.indexOf(row), rows.length, away(target, body.value))
        if (place !== null) {
            event.preventDefault()
            rows[place]?.focus()
            rows[place]?.scrollIntoView({ block: 'nearest' })
        } else if (key === 'Escape') deeds.leave()
        else if (row !== null && target === row && row.dataset['id'] !== undefined) {
            if (key === 'Enter') deeds.open(row.dataset['id'])
            else if (key === ' ') deeds.select(row.dataset['id'])
            else return
            event.preventDefault()
        }
    }
    onMounted(() => window.addEventListener('keydown', pressed))
    onUnmounted(() => window.removeEventListener('keydown', pressed))
}

/** On something else that keys may move, for example a button of the bar: arrows stay the browser's there. */
function away(target: HTMLElement, rows: HTMLElement | null): boolean {
    return !rows?.contains(target) && target !== document.body && target.id !== 'content'
}
