/** Fetches what is due at the pace of `tempo`. */

import { onScopeDispose, type Ref } from 'vue'
import { SHORTEST_MS, wait, type Tempo } from '@/live/tempo'

type Asked = { isFetching: Ref<boolean>; refetch: (options: { cancelRefetch: boolean }) => Promise<unknown> }

/** Ask anew; once more if that has joined an answer on its way, which may be older than what made it due. */
export async function afresh(query: Asked): Promise<void> {
    const joins = query.isFetching.value
    await query.refetch({ cancelRefetch: false })
    if (joins) await query.refetch({ cancelRefetch: false })
}

/** `due()` says that something has changed; `fetch` never throws. */
export function useTempo(fetch: () => Promise<unknown>, shortest = SHORTEST_MS): { due: () => void } {
    const tempo: Tempo = { due: false, visible: !document.hidden, busy: false, last: 0 }
    let timer: ReturnType<typeof setTimeout> | undefined

    function plan() {
        clearTimeout(timer)
        const left = wait(tempo, performance.now(), shortest)
        if (left !== null) timer = setTimeout(() => void go(), left)
    }

    async function go() {
        Object.assign(tempo, { due: false, busy: true, last: performance.now() })
        await fetch()
        tempo.busy = false
        plan()
    }

    function looked() {
        tempo.visible = !document.hidden
        plan()
    }

    document.addEventListener('visibilitychange', looked)
    onScopeDispose(() => {
        document.removeEventListener('visibilitychange', looked)
        clearTimeout(timer)
        tempo.visible = false
    })
    return {
        due() {
            tempo.due = true
            plan()
        },
    }
}
