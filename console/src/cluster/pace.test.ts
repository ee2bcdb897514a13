import { expect, it } from 'vitest'
import { wait } from '@/live/tempo'

const DUE = { due: true, visible: true, busy: false, last: 10_000 }

it('asks anew two seconds after it asked last, and at once where that is longer ago', () => {
    expect(wait(DUE, 10_500, 2_000)).toBe(1_500)
    expect(wait(DUE, 13_000, 2_000)).toBe(0)
})

it('asks nothing while nobody looks, or while an answer is awaited', () => {
    expect(wait({ ...DUE, visible: false }, 20_000, 2_000)).toBeNull()
    expect(wait({ ...DUE, busy: true }, 20_000, 2_000)).toBeNull()
})
