import { expect, test } from 'vitest'
import { stepped } from '@/jobs/steps'

test('j and the arrow lead to the next row, k and the other back, and neither leaves the rows', () => {
    expect(stepped('j', null, 3, false)).toBe(0)
    expect(stepped('ArrowDown', 0, 3, false)).toBe(1)
    expect(stepped('j', 2, 3, false)).toBe(2)
    expect(stepped('k', 0, 3, false)).toBe(0)
    expect(stepped('ArrowUp', null, 3, false)).toBe(2)
    expect([stepped('Home', 2, 3, false), stepped('End', 0, 3, false)]).toEqual([0, 2])
})

test('elsewhere on the page arrows stay the browser’s, and letters lead to the rows', () => {
    expect(stepped('ArrowDown', null, 3, true)).toBeNull()
    expect(stepped('j', null, 3, true)).toBe(0)
})

test('without rows no key leads anywhere, and others mean nothing', () => {
    expect(stepped('j', null, 0, false)).toBeNull()
    expect(stepped('x', 1, 3, false)).toBeNull()
})
