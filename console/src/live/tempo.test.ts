import { expect, test } from 'vitest'
import { SHORTEST_MS, wait } from '@/live/tempo'

const READY = { due: true, visible: true, busy: false, last: 0 }

test('what is due is fetched at once when the last time is long ago', () => {
    expect(wait(READY, 60_000)).toBe(0)
})

test('what is due again waits until a second has passed', () => {
    expect(wait({ ...READY, last: 5000 }, 5200)).toBe(SHORTEST_MS - 200)
})

test('nothing is fetched while nobody looks, while an answer is on its way, or when nothing is due', () => {
    expect(wait({ ...READY, visible: false }, 60_000)).toBeNull()
    expect(wait({ ...READY, busy: true }, 60_000)).toBeNull()
    expect(wait({ ...READY, due: false }, 60_000)).toBeNull()
})

test('whoever fetches may be content with less often', () => {
    expect(wait({ ...READY, last: 10_000 }, 10_500, 2_000)).toBe(1_500)
    expect(wait({ ...READY, last: 10_000 }, 13_000, 2_000)).toBe(0)
})
