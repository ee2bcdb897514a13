/** Keys that work anywhere on a page, but never while somebody types. */

import { onMounted, onUnmounted } from 'vue'

/** Do something when this key is pressed alone. */
export function onKey(key: string, act: () => void): void {
    function pressed(event: KeyboardEvent) {
        if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey || types(event.target)) return
        event.preventDefault()
        act()
    }
    onMounted(() => window.addEventListener('keydown', pressed))
    onUnmounted(() => window.removeEventListener('keydown', pressed))
}

function types(target: EventTarget | null): boolean {
    return (
        target instanceof HTMLElement &&
        (target.isContentEditable || target.matches('input, textarea, select, [role=menu] *'))
    )
}
