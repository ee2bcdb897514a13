import { describe, expect, it } from 'vitest'
import { Painter } from '@/job/console/ansi'
import { textOf } from '@/job/console/copying'
import type { LineRow } from '@/job/console/rows'
import { MOST_MATCHES, pieces, Search, step } from '@/job/console/search'

const row = (key: number, text: string): LineRow => ({
    kind: 'line',
    key,
    seq: key,
    time: '2026-11-28T09:00:00Z',
    stream: 'stdout',
    rank: 0,
    attempt: 1,
    ...new Painter().paint(text),
})
const ROWS = [row(1, 'Loss 1'), row(2, 'nothing'), row(3, 'loss and LOSS'), { kind: 'gap', key: 4, count: 2 } as const]

describe('the search', () => {
    it('counts every match, in upper or lower case', () => {
        expect(new Search('loss').all(ROWS)).toEqual([
            { key: 1, span: [0, 4] },
            { key: 3, span: [0, 4] },
            { key: 3, span: [9, 13] },
        ])
    })

    it('finds nothing for nothing', () => {
        expect(new Search('').all(ROWS)).toEqual([])
    })

    it('takes signs for what they are', () => {
        const signs = '^$.*+?()[]{}|/\\-'
        expect(new Search(signs).all([row(1, `a ${signs} b`)])).toEqual([{ key: 1, span: [2, 2 + signs.length] }])
    })

    it('finds words that colours divide', () => {
        expect(new Search('error').all([row(1, '\u001b[31mER\u001b[0mROR')])).toEqual([{ key: 1, span: [0, 5] }])
    })

    it('has an end', () => {
        expect(new Search('a').all([row(1, 'a'.repeat(16_000))])).toHaveLength(MOST_MATCHES)
    })

    it('begins with the newest, and goes around', () => {
        const matches = new Search('loss').all(ROWS)
        expect(step(matches, null, 1)).toBe(2)
        expect(step(matches, matches[2] ?? null, 1)).toBe(0)
        expect(step(matches, matches[0] ?? null, -1)).toBe(2)
        expect(step([], null, 1)).toBe(-1)
    })

    it('goes on from where a line has gone', () => {
        const matches = new Search('loss').all(ROWS)
        expect(step(matches, { key: 2, span: [0, 1] }, 1)).toBe(1)
        expect(step(matches, { key: 2, span: [0, 1] }, -1)).toBe(0)
        expect(step(matches, { key: 9, span: [0, 1] }, 1)).toBe(0)
    })
})

describe('the pieces of a line', () => {
    it('are cut by colours and by matches', () => {
        expect(pieces('abcdef', [2, 4], [[1, 3]])).toEqual([
            { text: 'a', run: 0, marked: false, at: 0 },
            { text: 'b', run: 0, marked: true, at: 1 },
            { text: 'c', run: 1, marked: true, at: 2 },
            { text: 'def', run: 1, marked: false, at: 3 },
        ])
    })

    it('make up the line again, whatever is cut', () => {
        let seed = 3
        const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below
        for (let round = 0; round < 500; round++) {
            const text = 'x'.repeat(1 + random(30)) + '🙂'
            const lengths: number[] = []
            for (let left = text.length; left > 0;)
                left -= lengths[lengths.push(Math.min(left, 1 + random(9))) - 1] ?? left
            const from = random(text.length)
            const to = Math.min(text.length, from + 1 + random(5))
            const cut = pieces(text, lengths, [[from, to]])
            expect(cut.map((piece) => piece.text).join('')).toBe(text)
            expect(cut.flatMap((piece) => (piece.marked ? [piece.text] : [])).join('')).toBe(text.slice(from, to))
        }
    })
})

describe('what is copied', () => {
    it('is every line without notes', () => {
        expect(textOf(ROWS)).toBe('Loss 1\nnothing\nloss and LOSS')
    })

    it('is what lies between two places, whichever comes first', () => {
        const one = { key: 1, offset: 5 }
        const other = { key: 3, offset: 4 }
        expect(textOf(ROWS, one, other)).toBe('1\nnothing\nloss')
        expect(textOf(ROWS, other, one)).toBe('1\nnothing\nloss')
        expect(textOf(ROWS, { key: 3, offset: 5 }, { key: 3, offset: 8 })).toBe('and')
    })
})
