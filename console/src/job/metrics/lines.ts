/**
 * From the series of an answer to the lines of a chart. Pure.
 *
 * Invariant: where nothing was measured a line has a gap (null); unknown is never zero, and no line is drawn across it. A
 * sample speaks for the time since the one before, BRIDGED_S at most: between such ones there is no gap (undefined).
 */

import type { JobMetrics, JobSeries } from '@/api/schema'

/** More lines than this can't be told apart: then the lowest, the mean and the highest stand for them. */
export const MOST_LINES = 8

/** As far as a sample speaks for the time before it (docs/metrics.md). */
export const BRIDGED_S = 15

export type Values = readonly (number | null | undefined)[]

export type Line = {
    readonly key: string
    /** What it is called, where that does not follow from the rest. */
    readonly name?: string
    readonly direction: string | null
    readonly rank: string | null
    readonly device: string | null
    readonly host: boolean
    /** What it stands for where there are too many lines: of so many. */
    readonly sum: { readonly kind: 'lowest' | 'mean' | 'highest'; readonly of: number } | null
    readonly values: Values
}

export type Plot = {
    readonly unit: string
    readonly times: readonly number[]
    readonly lines: readonly Line[]
}

/** The chart of some series of one answer; null where there is nothing in them. */
export function plot(answer: Pick<JobMetrics, 'start' | 'step'>, series: readonly JobSeries[]): Plot | null {
    const start = Date.parse(answer.start) / 1000
    const places = (one: JobSeries) => one.points.map(([time]) => Math.round(((time ?? 0) - start) / answer.step))
    const all = series.flatMap(places)
    if (all.length === 0) return null
    const [first, last] = all.reduce(
        ([low, high], at) => [Math.min(low, at), Math.max(high, at)],
        [Infinity, -Infinity],
    )
    const times = Array.from({ length: last - first + 1 }, (_, at) => start + (first + at) * answer.step)
    const lines = series.map((one) => {
        const values: (number | null | undefined)[] = Array.from({ length: times.length }, () => null)
        const known = places(one).map((place) => place - first)
        known.forEach((place, at) => {
            values[place] = one.points[at]?.[1] ?? null
            const before = known[at - 1]
            if (before !== undefined && (place - before) * answer.step <= BRIDGED_S)
                values.fill(undefined, before + 1, place)
        })
        return lineOf(one, values)
    })
    return { unit: series[0]?.unit ?? '', times, lines: few(lines) }
}

function lineOf({ labels }: JobSeries, values: Values): Line {
    const { direction = null, rank = null, device = null, scope } = labels
    return {
        key: JSON.stringify(Object.entries(labels).sort()),
        direction,
        rank,
        device,
        host: scope === 'host',
        sum: null,
        values,
    }
}

/** The lines, or of each direction the lowest, the mean and the highest. */
export function few(lines: readonly Line[]): readonly Line[] {
    if (lines.length <= MOST_LINES) return [...lines].sort(inOrder)
    const directions = [...new Set(lines.map((line) => line.direction))]
    return directions.flatMap((direction) => {
        const those = lines.filter((line) => line.direction === direction)
        return (['highest', 'mean', 'lowest'] as const).map((kind) => ({
            key: `${direction} ${kind}`,
            direction,
            rank: null,
            device: null,
            host: those.some((line) => line.host),
            sum: { kind, of: those.length },
            values: (those[0]?.values ?? []).map((_, at) => summed(kind, those, at)),
        }))
    })
}

function summed(kind: 'lowest' | 'mean' | 'highest', lines: readonly Line[], at: number): number | null {
    const values = lines.map((line) => line.values[at]).filter((value) => value != null)
    if (values.length === 0) return null
    if (kind === 'mean') return values.reduce((sum, value) => sum + value, 0) / values.length
    return kind === 'lowest' ? Math.min(...values) : Math.max(...values)
}

function inOrder(one: Line, other: Line): number {
    return (
        Number(one.rank ?? 0) - Number(other.rank ?? 0) ||
        Number(one.device ?? 0) - Number(other.device ?? 0) ||
        (one.direction ?? '').localeCompare(other.direction ?? '')
    )
}

export type Extent = { readonly last: number; readonly peak: number; readonly low: number; readonly mean: number }

/** What one line says in four numbers; null where it has no value. */
export function extent(values: Values): Extent | null {
    const known = values.filter((value) => value != null)
    const last = known.at(-1)
    if (last === undefined) return null
    const [low, peak] = known.reduce(
        ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
        [last, last],
    )
    return { last, peak, low, mean: known.reduce((sum, value) => sum + value, 0) / known.length }
}

/** What a legend shows beside the pointer: the value there, or that of the sample before, within its reach. */
export function valueAt(values: Values, at: number | null): number | null {
    if (at === null) return extent(values)?.last ?? null
    let place = at
    while (place > 0 && values[place] === undefined) place--
    return values[place] ?? null
}

/** At most so many places, evenly spread, the last one among them: the rows of a table that can be read. */
export function thinned(length: number, most: number): number[] {
    const stride = Math.max(1, Math.ceil(length / most))
    const places: number[] = []
    for (let at = length - 1; at >= 0; at -= stride) places.unshift(at)
    return places
}

/** Places between two gaps: a line can't be drawn there, so they are dots. */
export function alone(values: Values): number[] {
    return values.flatMap((value, at) => (value != null && gap(values, at - 1) && gap(values, at + 1) ? [at] : []))
}

function gap(values: Values, at: number): boolean {
    return at < 0 || at >= values.length || values[at] === null
}
