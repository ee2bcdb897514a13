/**
 * The rows of a console: the newest lines, and notes in words where some are missing. Plain data, no reactivity: lines
 * come by the ten thousand a second.
 *
 * Invariants: a line is there once, however often it comes (lines are numbered within an attempt and rank); keys rise from
 * row to row; of what somebody reads nothing is taken away while new lines come.
 */

import type { LogGap, LogLine, LogTail } from '@/api/schema'
import { Painter, type Run } from '@/job/console/ansi'

export const LINES_SHOWN = 2000

export type LineRow = Omit<LogLine, 'text'> & {
    readonly kind: 'line'
    readonly key: number
    readonly text: string
    readonly runs: readonly Run[] | null
}

/** `gap`: so many lines were lost; `skipped`: they are only in the download; `attempt`: the one that begins here. */
export type NoteRow = { readonly kind: 'gap' | 'skipped' | 'attempt'; readonly key: number; readonly count: number }

export type Row = LineRow | NoteRow

export class Rows {
    list: Row[] = []
    /** Lines that have come in all, those that were left out among them. */
    came = 0
    private key = 0
    private attempt = 0
    private readonly last = new Map<string, number>()
    private readonly painters = new Map<string, Painter>()

    constructor(private readonly most = LINES_SHOWN) {}

    /** What the gateway says: new lines, and what is missing between them. */
    add(tail: LogTail): void {
        if (tail.skipped > 0) this.note('skipped', tail.skipped)
        const explained = tail.skipped > 0 ? new Set<string>() : null
        const gaps = [...tail.gaps]
        for (const line of tail.lines) {
            const run = `${line.attempt}.${line.rank}`
            const last = this.last.get(run)
            const lost = taken(gaps, line)
            if (last !== undefined && line.seq <= last) continue
            this.last.set(run, line.seq)
            if (lost > 0) this.note('gap', lost)
            else if (last !== undefined && line.seq > last + 1 && (explained === null || explained.has(run)))
                this.note('skipped', line.seq - last - 1)
            explained?.add(run)
            this.append(line)
        }
        for (const gap of gaps) this.lost(gap)
    }

    /**
     * Keep the newest lines. `held`: the key of the last row that somebody who scrolled up may look at; rows up to there
     * stay (twice as many at most), and of those after it the newest. Answers how many rows went from the top.
     */
    trim(held: number | null): number {
        if (held === null) return this.cut(this.list, this.most)
        const split = this.list.findLastIndex((row) => row.key <= held) + 1
        const before = this.list.slice(0, split)
        const after = this.list.slice(split)
        const gone = this.cut(before, 2 * this.most)
        const left = this.leave(after)
        this.list = [...before, ...left]
        return gone
    }

    /** Lines that are missing, and no line after them yet. Lost lines are numbered too: so it is told once. */
    private lost({ after_seq, lost, rank }: LogGap): void {
        const runs = [...this.last].filter(([run, last]) => last === after_seq && run.endsWith(`.${rank}`))
        if (runs.length === 0 && this.last.size > 0) return
        for (const [run, last] of runs) this.last.set(run, last + lost)
        this.note('gap', lost)
    }

    private append(line: LogLine): void {
        if (line.attempt > this.attempt) {
            if (line.attempt > 1) this.note('attempt', line.attempt)
            this.attempt = line.attempt
        }
        const source = `${line.attempt}.${line.rank}.${line.stream}`
        let painter = this.painters.get(source)
        if (painter === undefined) this.painters.set(source, (painter = new Painter()))
        this.list.push({ ...line, kind: 'line', key: ++this.key, ...painter.paint(line.text) })
        this.came++
    }

    private note(kind: NoteRow['kind'], count: number): void {
        if (kind === 'skipped') this.came += count
        this.list.push({ kind, key: ++this.key, count })
    }

    /** Takes rows from the top until so many lines are left; answers how many. */
    private cut(rows: Row[], most: number): number {
        const first = firstKept(rows, most)
        rows.splice(0, first)
        return first
    }

    /** The newest of the rows, with a note of how many lines are left out before them. */
    private leave(rows: Row[]): Row[] {
        const first = firstKept(rows, this.most)
        const out = rows.slice(0, first)
        const last = out.at(-1)
        if (last === undefined) return rows
        const count = out.reduce(
            (sum, row) => sum + (row.kind === 'line' ? 1 : row.kind === 'attempt' ? 0 : row.count),
            0,
        )
        return [{ kind: 'skipped', key: last.key, count }, ...rows.slice(first)]
    }
}

/** Where the newest `most` lines begin. */
function firstKept(rows: readonly Row[], most: number): number {
    if (rows.length <= most) return 0
    let lines = 0
    for (let at = rows.length - 1; at >= 0; at--) if (rows[at]?.kind === 'line' && ++lines === most) return at
    return 0
}

/** Takes the gap before this line out of those that are told with it. */
function taken(gaps: LogTail['gaps'], { seq, rank }: LogLine): number {
    const at = gaps.findIndex((gap) => gap.rank === rank && gap.after_seq + gap.lost + 1 === seq)
    return at < 0 ? 0 : (gaps.splice(at, 1)[0]?.lost ?? 0)
}
