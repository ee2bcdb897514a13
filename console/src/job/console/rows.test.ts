import { describe, expect, it } from 'vitest'
import type { LogLine, LogTail } from '@/api/schema'
import { Rows, type Row } from '@/job/console/rows'

const line = (seq: number, more: Partial<LogLine> = {}): LogLine => ({
    seq,
    time: '2026-11-28T09:00:00Z',
    stream: 'stdout',
    rank: 0,
    attempt: 1,
    text: `line ${seq}`,
    ...more,
})
const lines = (from: number, to: number, more: Partial<LogLine> = {}): LogLine[] =>
    Array.from({ length: to - from + 1 }, (_, number) => line(from + number, more))
const tail = (more: Partial<LogTail>): LogTail => ({ lines: [], gaps: [], skipped: 0, ...more })
const words = (rows: readonly Row[]) => rows.map((row) => (row.kind === 'line' ? row.text : `${row.kind} ${row.count}`))

describe('the rows of a console', () => {
    it('are the newest lines', () => {
        const rows = new Rows(3)
        rows.add(tail({ lines: lines(1, 10) }))
        expect(rows.trim(null)).toBe(7)
        expect(words(rows.list)).toEqual(['line 8', 'line 9', 'line 10'])
        expect(rows.came).toBe(10)
    })

    it('show a line once, however often it comes', () => {
        const rows = new Rows()
        rows.add(tail({ lines: lines(1, 4) }))
        rows.add(tail({ lines: lines(2, 6) }))
        expect(words(rows.list)).toEqual(['line 1', 'line 2', 'line 3', 'line 4', 'line 5', 'line 6'])
    })

    it('number the lines of each rank and attempt on their own', () => {
        const rows = new Rows()
        rows.add(tail({ lines: [line(1), line(1, { rank: 1, text: 'other' }), line(2), line(3, { attempt: 2 })] }))
        expect(words(rows.list)).toEqual(['line 1', 'other', 'line 2', 'attempt 2', 'line 3'])
    })

    it('say what a rank has lost before its own next line', () => {
        const rows = new Rows()
        const gaps = [{ after_seq: 1, lost: 3, rank: 1 }]
        rows.add(tail({ lines: [line(1), line(1, { rank: 1 }), ...lines(2, 5), line(5, { rank: 1, text: 'other' })], gaps }))
        const all = ['line 1', 'line 1', 'line 2', 'line 3', 'line 4', 'line 5', 'gap 3', 'other']
        expect(words(rows.list)).toEqual(all)
    })

    it('say in place what was lost, once', () => {
        const rows = new Rows()
        const news = tail({ lines: [line(1), ...lines(5, 6)], gaps: [{ after_seq: 1, lost: 3, rank: 0 }] })
        rows.add(news)
        rows.add(news)
        expect(words(rows.list)).toEqual(['line 1', 'gap 3', 'line 5', 'line 6'])
    })

    it('say what was lost at the end, and not again with the next line', () => {
        const rows = new Rows()
        rows.add(tail({ lines: lines(1, 2) }))
        const gap = tail({ gaps: [{ after_seq: 2, lost: 4, rank: 0 }] })
        rows.add(gap)
        rows.add(gap)
        rows.add(tail({ lines: [line(7)] }))
        expect(words(rows.list)).toEqual(['line 1', 'line 2', 'gap 4', 'line 7'])
    })

    it('say how many lines were left out for a slow reader', () => {
        const rows = new Rows()
        rows.add(tail({ lines: lines(1, 2) }))
        rows.add(tail({ lines: lines(5003, 5004), skipped: 5000 }))
        expect(words(rows.list)).toEqual(['line 1', 'line 2', 'skipped 5000', 'line 5003', 'line 5004'])
        expect(rows.came).toBe(5004)
    })

    it('say what came while the line was down', () => {
        const rows = new Rows()
        rows.add(tail({ lines: lines(1, 2) }))
        rows.add(tail({ lines: lines(10, 11) }))
        expect(words(rows.list)).toEqual(['line 1', 'line 2', 'skipped 7', 'line 10', 'line 11'])
    })

    it('stay where somebody reads, and of what comes after it keep the newest', () => {
        const rows = new Rows(3)
        rows.add(tail({ lines: lines(1, 3) }))
        const held = rows.list.at(-1)?.key ?? 0
        rows.add(tail({ lines: lines(4, 9) }))
        expect(rows.trim(held)).toBe(0)
        expect(words(rows.list)).toEqual(['line 1', 'line 2', 'line 3', 'skipped 3', 'line 7', 'line 8', 'line 9'])
        rows.add(tail({ lines: lines(10, 10) }))
        rows.trim(held)
        expect(words(rows.list)).toEqual(['line 1', 'line 2', 'line 3', 'skipped 4', 'line 8', 'line 9', 'line 10'])
        rows.trim(null)
        expect(words(rows.list)).toEqual(['line 8', 'line 9', 'line 10'])
    })

    it('take what comes in any portions to the same end', () => {
        let seed = 11
        const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below
        const every = lines(1, 400)
        for (let round = 0; round < 50; round++) {
            const rows = new Rows(60)
            for (let from = 0; from < every.length;) {
                const size = 1 + random(30)
                const back = Math.max(0, from - random(10))
                rows.add(tail({ lines: every.slice(back, from + size) }))
                rows.trim(random(3) === 0 ? (rows.list[random(rows.list.length)]?.key ?? null) : null)
                const keys = rows.list.map((row) => row.key)
                expect(keys).toEqual([...new Set(keys)].sort((one, other) => one - other))
                from += size
            }
            rows.trim(null)
            expect(words(rows.list)).toEqual(
                words(lines(341, 400) as unknown as Row[]).map((_, at) => `line ${341 + at}`),
            )
        }
    })
})
