/** Which time the charts show, and what to ask the gateway for it. Pure; seconds since 1970. */

import type { Job } from '@/api/schema'
import { isOver } from '@/api/statuses'

export const LENGTHS = { '15m': 900, '1h': 3600, '6h': 21_600, '24h': 86_400 } as const
export type Length = keyof typeof LENGTHS

export type Range =
    { readonly kind: Length | 'life' } | { readonly kind: 'custom'; readonly from: number; readonly to: number }

export type Asked = { start: string; end?: string }

/** Statuses in which a run is under way. */
const LIVES: readonly Job['status'][] = ['scheduling', 'running', 'pausing', 'killing']

export function lives(job: Pick<Job, 'status'>): boolean {
    return LIVES.includes(job.status)
}

/** At first what is going on, or all of a job that stands still. */
export function firstRange(job: Pick<Job, 'status'>): Range {
    return { kind: lives(job) ? '1h' : 'life' }
}

type Times = Pick<Job, 'status' | 'submitted_at' | 'started_at' | 'finished_at' | 'attempt'>

/** Ends now, or with the job; never begins before it. */
export function asked(range: Range, job: Times, now: number): Asked {
    if (range.kind === 'custom') return { start: String(range.from), end: String(range.to) }
    const began = seconds(job.attempt === 1 ? (job.started_at ?? job.submitted_at) : job.submitted_at)
    const ended = isOver(job.status) && job.finished_at ? seconds(job.finished_at) : null
    if (range.kind === 'life') return { start: String(began) }
    const start = (ended ?? now) - LENGTHS[range.kind]
    return { start: String(Math.max(began, Math.floor(start))) }
}

/**
 * The time that the charts span: all of the range that was chosen, though the answer begins with the job. `start` and
 * `end` are the answer's.
 */
export function spanned(range: Range, start: number, end: number): { from: number; to: number } {
    const chosen = range.kind === 'custom' || range.kind === 'life' ? start : end - LENGTHS[range.kind]
    return { from: Math.min(start, chosen), to: end }
}

/** Whether what is shown goes on: then it is asked for again, each step, 5 s at least. */
export function follows(range: Range, job: Pick<Job, 'status'>): boolean {
    return range.kind !== 'custom' && lives(job)
}

export function pauseMs(step: number): number {
    return Math.max(5, Math.min(step, 60)) * 1000
}

/** A range as it stands in the address, and back; null for none that there is. */
export function written(range: Range): string {
    return range.kind === 'custom' ? `${range.from}-${range.to}` : range.kind
}

export function read(text: unknown): Range | null {
    if (typeof text !== 'string') return null
    if (text === 'life' || Object.hasOwn(LENGTHS, text)) return { kind: text as Length | 'life' }
    const [, from, to] = /^(\d{1,11})-(\d{1,11})$/.exec(text) ?? []
    return from !== undefined && to !== undefined && Number(from) < Number(to)
        ? { kind: 'custom', from: Number(from), to: Number(to) }
        : null
}

/** As an `<input type="datetime-local">` has it, in the browser's zone. */
export function localInput(moment: number): string {
    const date = new Date(moment * 1000)
    return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export function fromLocalInput(text: string): number | null {
    const moment = Date.parse(text)
    return Number.isNaN(moment) || moment < 0 ? null : Math.floor(moment / 1000)
}

function seconds(moment: string): number {
    return Math.floor(Date.parse(moment) / 1000)
}
