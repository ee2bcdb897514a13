/** Whether rows must stay where they are: somebody points at one, touches it, or walks through them by keyboard. */

import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** After a touch a finger may be about to come down again. */
const TOUCHED_MS = 2000

export function useHold(rows: Ref<HTMLElement | null>): Ref<boolean> {
    const held = ref(false)
    let over = false
    let within = false
    let timer: ReturnType<typeof setTimeout> | undefined

    const update = () => (held.value = over || within)
    function points(event: PointerEvent) {
        clearTimeout(timer)
        over = true
        update()
        if (event.pointerType === 'touch') timer = setTimeout(leaves, TOUCHED_MS)
    }
    function leaves() {
        over = false
        update()
    }
    function focuses(event: FocusEvent) {
        within = event.target instanceof HTMLElement && event.target.matches(':focus-visible')
        update()
    }
    function blurs(event: FocusEvent) {
        // Where only the window loses the focus, somebody comes back to the same place.
        within &&= document.activeElement === event.target
        update()
    }

    watch(rows, (now, before) => {
        if (before) {
            over = within = false
            update()
        }
        now?.addEventListener('pointerenter', points)
        now?.addEventListener('pointerdown', points)
        now?.addEventListener('pointerleave', (event) => event.pointerType !== 'touch' && leaves())
        now?.addEventListener('focusin', focuses)
        now?.addEventListener('focusout', blurs)
    })
    onScopeDispose(() => clearTimeout(timer))
    return held
}
