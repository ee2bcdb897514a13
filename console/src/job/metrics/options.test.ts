import { expect, it } from 'vitest'
import type { Line } from '@/job/metrics/lines'
import { alike, optionsOf, type Drawn } from '@/job/metrics/options'
import { scaleOf } from '@/ui/units'

const COLOURS = { text: '#000', line: '#ccc', series: ['#111', '#222'] }

function drawn(keys: string[], to: number, most: number | null = 1): Drawn {
    const lines = keys.map((key) => ({ key, values: [to] }) as unknown as Line)
    return { lines, scale: scaleOf('ratio', 1), fromZero: true, most, from: 0, to }
}

it('shows what is drawn by now, however long the chart is there', () => {
    let now = drawn(['a'], 10)
    const hear = { at: () => undefined, range: () => undefined }
    const { scales } = optionsOf(() => now, COLOURS, 'en', { width: 1, height: 1 }, hear)
    const rangeOf = (axis: 'x' | 'y') => (scales?.[axis]?.range as (...given: unknown[]) => unknown)(null, 0, 1)
    expect([rangeOf('x'), rangeOf('y')]).toEqual([
        [0, 10],
        [0, 1],
    ])
    now = drawn(['a'], 20, 3)
    expect([rangeOf('x'), rangeOf('y')]).toEqual([
        [0, 20],
        [0, 3],
    ])
})

it('is the same chart for the same lines with other values, and another one for others', () => {
    expect(alike(drawn(['a', 'b'], 1), drawn(['a', 'b'], 2))).toBe(true)
    expect(alike(drawn(['a', 'b'], 1), drawn(['b', 'a'], 1))).toBe(false)
    expect(alike(drawn(['a'], 1), drawn(['a', 'b'], 1))).toBe(false)
    expect(alike(drawn([], 1), drawn(['a'], 1))).toBe(false)
})
