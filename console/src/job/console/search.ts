/** Finds a text in the rows, wherever it stands, in upper or lower case. Pure; what a row holds is looked for once. */

import type { LineRow, Row } from '@/job/console/rows'

/** More are not told apart: nobody steps through them. */
export const MOST_MATCHES = 10_000

export type Span = readonly [from: number, to: number]
export type Match = { readonly key: number; readonly span: Span }

export class Search {
    private readonly pattern: RegExp | null
    private readonly found = new WeakMap<LineRow, readonly Span[]>()

    constructor(wanted: string) {
        this.pattern = wanted === '' ? null : new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`), 'giu')
    }

    /** Where it stands in one line. */
    within(row: LineRow): readonly Span[] {
        if (this.pattern === null) return []
        let spans = this.found.get(row)
        if (spans === undefined) {
            spans = Array.from(
                row.text.matchAll(this.pattern),
                ({ index, 0: { length } }) => [index, index + length] as const,
            )
            this.found.set(row, spans)
        }
        return spans
    }

    /** All matches in their order, MOST_MATCHES at most. */
    all(rows: readonly Row[]): Match[] {
        const matches: Match[] = []
        if (this.pattern === null) return matches
        for (const row of rows) {
            if (row.kind !== 'line') continue
            for (const span of this.within(row)) {
                matches.push({ key: row.key, span })
                if (matches.length === MOST_MATCHES) return matches
            }
        }
        return matches
    }
}

/** The number of the match to go to: the next one, or the one before, around the ends; at first the last one. */
export function step(matches: readonly Match[], current: Match | null, by: 1 | -1): number {
    if (matches.length === 0) return -1
    if (current === null) return matches.length - 1
    const at = matches.findIndex(({ key, span }) => key === current.key && span[0] === current.span[0])
    if (at >= 0) return (at + by + matches.length) % matches.length
    const after = matches.findIndex(({ key }) => key > current.key)
    if (by === 1) return Math.max(0, after)
    return ((after < 0 ? matches.length : after) - 1 + matches.length) % matches.length
}

export type Piece = { readonly text: string; readonly run: number; readonly marked: boolean; readonly at: number }

/** A line's text cut where its look changes and where matches begin and end. `run`: the number of its look. */
export function pieces(text: string, lengths: readonly number[], spans: readonly Span[]): Piece[] {
    const cuts = new Set<number>([0])
    let end = 0
    for (const length of lengths) cuts.add((end += length))
    for (const [from, to] of spans) cuts.add(from).add(to)
    const sorted = [...cuts].filter((cut) => cut < text.length).sort((one, other) => one - other)
    let run = 0
    let runEnd = lengths[0] ?? text.length
    let span = 0
    return sorted.map((at, number) => {
        while (at >= runEnd && run + 1 < lengths.length) runEnd += lengths[++run] ?? 0
        while (span < spans.length && at >= (spans[span]?.[1] ?? 0)) span++
        const [from, to] = spans[span] ?? [Infinity, Infinity]
        return { text: text.slice(at, sorted[number + 1] ?? text.length), run, marked: at >= from && at < to, at }
    })
}
