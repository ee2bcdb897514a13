import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope } from 'vue'
import { usePace } from '@/live/pace'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function paced() {
    const act = vi.fn()
    const scope = effectScope()
    const soon = scope.run(() => usePace(act)) as () => void
    return { act, scope, soon }
}

function hide(hidden: boolean) {
    vi.spyOn(document, 'hidden', 'get').mockReturnValue(hidden)
    document.dispatchEvent(new Event('visibilitychange'))
}

test('the first wish is done at once, and what comes within a second is done once', () => {
    const { act, soon } = paced()
    soon()
    soon()
    soon()
    expect(act).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(1000)
    expect(act).toHaveBeenCalledTimes(2)
    vi.advanceTimersByTime(5000)
    expect(act).toHaveBeenCalledTimes(2)
})

test('nothing is done while nobody sees the page, and once when somebody does', () => {
    const { act, soon } = paced()
    hide(true)
    soon()
    soon()
    expect(act).not.toHaveBeenCalled()
    hide(false)
    expect(act).toHaveBeenCalledTimes(1)
})

test('it ends with its component', () => {
    const { act, scope, soon } = paced()
    soon()
    soon()
    scope.stop()
    vi.advanceTimersByTime(5000)
    expect(act).toHaveBeenCalledTimes(1)
})
