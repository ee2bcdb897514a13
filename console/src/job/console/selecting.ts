/**
 * What is selected in a console, by line and character: rows that leave the window are taken out of the page, and would
 * take a selection with them. So the rows where it begins and ends stay, and what is copied comes from the data.
 */

import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'
import type { Place } from '@/job/console/copying'

export type Selected = { readonly anchor: Place; readonly focus: Place }

/** `box`: holds elements with `data-key`, each with its line's text in an element of the class `text`. */
export function useSelected(box: Readonly<ShallowRef<HTMLElement | null>>): Readonly<ShallowRef<Selected | null>> {
    const selected = shallowRef<Selected | null>(null)

    function changed() {
        const selection = getSelection()
        if (selection === null || selection.isCollapsed || !box.value?.contains(selection.anchorNode)) {
            selected.value = null
            return
        }
        const anchor = placeOf(selection.anchorNode, selection.anchorOffset)
        const focus = placeOf(selection.focusNode, selection.focusOffset)
        selected.value = anchor !== null && focus !== null ? { anchor, focus } : null
    }

    document.addEventListener('selectionchange', changed)
    onScopeDispose(() => document.removeEventListener('selectionchange', changed))
    return selected
}

function placeOf(node: Node | null, offset: number): Place | null {
    const element = node instanceof Element ? node : node?.parentElement
    const row = element?.closest<HTMLElement>('[data-key]')
    const text = row?.querySelector('.text')
    if (node == null || row == null) return null
    const key = Number(row.dataset['key'])
    if (text == null) return { key, offset: 0 }
    const before = document.createRange()
    before.selectNodeContents(text)
    const where = before.comparePoint(node, offset)
    if (where < 0) return { key, offset: 0 }
    if (where === 0) before.setEnd(node, offset)
    return { key, offset: before.toString().length }
}
