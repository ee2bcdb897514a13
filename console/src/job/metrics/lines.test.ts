import { describe, expect, it } from 'vitest'
import type { JobSeries } from '@/api/schema'
import { alone, extent, few, MOST_LINES, plot, thinned, valueAt, type Line } from '@/job/metrics/lines'

const ANSWER = { start: '2026-11-28T09:00:00Z', step: 30 }
const START = Date.parse(ANSWER.start) / 1000
const series = (points: [number, number][], labels: Record<string, string> = {}): JobSeries => ({
    name: 'cpu',
    kind: 'usage',
    unit: 'cores',
    labels,
    points: points.map(([place, value]) => [START + place * ANSWER.step, value]),
})

describe('the lines of a chart', () => {
    it('share one row of times, from the first point to the last', () => {
        const drawn = plot(ANSWER, [
            series([[2, 1], [3, 2]], { rank: '0' }), // prettier-ignore
            series([[4, 3]], { rank: '1' }),
        ])
        expect(drawn?.times).toEqual([2, 3, 4].map((place) => START + place * 30))
        expect(drawn?.lines.map((line) => line.values)).toEqual([
            [1, 2, null],
            [null, null, 3],
        ])
    })

    it('have gaps where nothing was measured, and no zero', () => {
        const drawn = plot(ANSWER, [series([[0, 5], [3, 6]])]) // prettier-ignore
        expect(drawn?.lines[0]?.values).toEqual([5, null, null, 6])
    })

    it('have no gap where a sample still speaks for the time before it', () => {
        const answer = { ...ANSWER, step: 1 }
        const at = (place: number, value: number) => [START + place, value]
        const drawn = plot(answer, [{ ...series([]), points: [at(0, 1), at(5, 2), at(25, 3)] }])
        const { values } = drawn?.lines[0] ?? { values: [] }
        expect(values.slice(0, 6)).toEqual([1, undefined, undefined, undefined, undefined, 2])
        expect(values.slice(6, 25).every((value) => value === null)).toBe(true)
        expect(valueAt(values, 3)).toBe(1)
        expect(valueAt(values, 10)).toBeNull()
        expect(alone(values)).toEqual([25])
    })

    it('are none where there is no point', () => {
        expect(plot(ANSWER, [])).toBeNull()
        expect(plot(ANSWER, [series([])])).toBeNull()
    })

    it('stand in the order of ranks, devices and directions', () => {
        const of = (rank: string, device: string) => series([[0, 1]], { rank, device })
        const drawn = plot(ANSWER, [of('10', '0'), of('2', '1'), of('2', '0')])
        expect(drawn?.lines.map((line) => [line.rank, line.device])).toEqual([
            ['2', '0'],
            ['2', '1'],
            ['10', '0'],
        ])
    })

    it('know that they are of the whole machine', () => {
        expect(plot(ANSWER, [series([[0, 1]], { scope: 'host' })])?.lines[0]?.host).toBe(true)
        expect(plot(ANSWER, [series([[0, 1]], { scope: 'run' })])?.lines[0]?.host).toBe(false)
    })

    it('become the highest, the mean and the lowest of each direction where they are too many', () => {
        const many = Array.from({ length: MOST_LINES }, (_, rank) =>
            ['receive', 'transmit'].map((direction) => series([[0, rank]], { rank: String(rank), direction })),
        ).flat()
        const lines = plot(ANSWER, many)?.lines ?? []
        expect(lines.map((line) => [line.direction, line.sum?.kind, line.sum?.of, line.values[0]])).toEqual([
            ['receive', 'highest', 8, 7],
            ['receive', 'mean', 8, 3.5],
            ['receive', 'lowest', 8, 0],
            ['transmit', 'highest', 8, 7],
            ['transmit', 'mean', 8, 3.5],
            ['transmit', 'lowest', 8, 0],
        ])
    })

    it('are unknown together only where each is unknown', () => {
        const line = (values: Line['values'], rank: number): Line => ({
            ...{ key: String(rank), direction: null, rank: String(rank), device: null, host: false, sum: null },
            values,
        })
        const nine = Array.from({ length: 9 }, (_, rank) => line([rank === 0 ? 4 : null, null], rank))
        expect(few(nine).map(({ values }) => values)).toEqual([
            [4, null],
            [4, null],
            [4, null],
        ])
    })

    it('say in numbers what they show', () => {
        expect(extent([null, 1, 4, undefined, 1])).toEqual({ last: 1, peak: 4, low: 1, mean: 2 })
        expect(extent([null, undefined])).toBeNull()
        expect(valueAt([1, 2, null], null)).toBe(2)
    })
})

describe('the rows of a table', () => {
    it('are all of a few', () => {
        expect(thinned(3, 60)).toEqual([0, 1, 2])
        expect(thinned(0, 60)).toEqual([])
    })

    it('are spread evenly over many, with the last one', () => {
        for (const length of [61, 240, 11_000]) {
            const places = thinned(length, 60)
            expect(places.length).toBeLessThanOrEqual(60)
            expect(places.at(-1)).toBe(length - 1)
            const steps = new Set(places.slice(1).map((place, at) => place - (places[at] ?? 0)))
            expect(steps.size).toBe(1)
        }
    })
})
