/** At most one look a second, and none while nobody sees the page: what was missed meanwhile is made up for later. */

import { onScopeDispose } from 'vue'

const AT_MOST_EVERY_MS = 1000

/** Answers `soon`: `act` follows, at once where the last time is long enough ago. Ends with the component. */
export function usePace(act: () => void, everyMs = AT_MOST_EVERY_MS): () => void {
    let last = -Infinity
    let timer: ReturnType<typeof setTimeout> | null = null
    let missed = false

    function due() {
        timer = null
        if (document.hidden) {
            missed = true
            return
        }
        missed = false
        last = performance.now()
        act()
    }

    function soon() {
        if (timer !== null) return
        const wait = last + everyMs - performance.now()
        if (wait <= 0) due()
        else timer = setTimeout(due, wait)
    }

    function seen() {
        if (!document.hidden && missed) soon()
    }

    document.addEventListener('visibilitychange', seen)
    onScopeDispose(() => {
        document.removeEventListener('visibilitychange', seen)
        if (timer !== null) clearTimeout(timer)
    })
    return soon
}
