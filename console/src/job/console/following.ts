/**
 * The rows of a job's console, live, for the component that shows them; what comes within a frame is shown at once.
 *
 * A tab that nobody looks at lets its stream go after a while, since a browser has six connections to a host; when it is
 * looked at again it begins anew, and the rows know which lines are new.
 */

import { onScopeDispose, readonly, ref, shallowReadonly, shallowRef } from 'vue'
import type { LogTail } from '@/api/schema'
import { Follower, type FollowState } from '@/job/console/follower'
import { Rows, type Row } from '@/job/console/rows'

/** What waits for a frame that may not come, since nobody looks, is taken in from so many events on. */
const MOST_WAITING = 20

const UNSEEN_MS = 30_000

export function useFollowing(jobId: string) {
    const rows = new Rows()
    const shown = shallowRef<readonly Row[]>([])
    const came = ref(0)
    const state = ref<FollowState>('connecting')
    const error = shallowRef<unknown>(null)
    let held: number | null = null
    let waiting: LogTail[] = []
    let frame = 0

    function take(): void {
        cancelAnimationFrame(frame)
        frame = 0
        for (const tail of waiting) rows.add(tail)
        waiting = []
        show()
    }

    function show(): void {
        rows.trim(held)
        came.value = rows.came
        shown.value = [...rows.list, ...rows.unfinished]
    }

    function tail(news: LogTail): void {
        waiting.push(news)
        if (waiting.length > MOST_WAITING) take()
        else if (frame === 0) frame = requestAnimationFrame(take)
    }

    function become(now: FollowState, why: unknown = null): void {
        if (now === 'ended') take()
        state.value = now
        error.value = why
    }

    let follower: Follower | null = null
    let unseen: ReturnType<typeof setTimeout> | undefined

    function open(): void {
        follower = new Follower(jobId, { tail, state: become })
        follower.open()
    }

    function close(): void {
        follower?.close()
        follower = null
    }

    function seen(): void {
        clearTimeout(unseen)
        if (state.value === 'ended' || state.value === 'refused') return
        if (document.hidden) unseen = setTimeout(close, UNSEEN_MS)
        else if (follower === null) open()
    }

    if (!document.hidden) open()
    document.addEventListener('visibilitychange', seen)
    onScopeDispose(() => {
        document.removeEventListener('visibilitychange', seen)
        clearTimeout(unseen)
        close()
        cancelAnimationFrame(frame)
    })

    return {
        rows: shallowReadonly(shown),
        came: readonly(came),
        state: readonly(state),
        error: shallowReadonly(error),
        /** Keep what stands up to this row, for somebody who reads there; null: the newest lines alone matter. */
        hold(key: number | null): void {
            const before = held
            held = key === null ? null : Math.min(key, rows.lastKey)
            if (key === null && before !== null) show()
        },
        /** After a refusal. */
        again(): void {
            close()
            become('connecting')
            open()
        },
    }
}
