/** What happened to a job, as the lines of its timeline. Pure. */

import type { Actor, Job, JobEvent, JobStatus, Reason, Receipt } from '@/api/schema'

export const FACTS = [
    'submitted',
    'scheduled',
    'returned',
    'refused',
    'started',
    'expiring',
    'pausing',
    'paused',
    'resumed',
    'preempted',
    'retried',
    'priority_changed',
    'finished',
    'failed',
    'errored',
    'killing',
    'killed',
] as const
export type FactName = (typeof FACTS)[number]

export type Entry = {
    version: number
    time: string
    /** null: of a kind that this page does not know; `word` says which. */
    fact: FactName | null
    word: string
    status: JobStatus
    who: Pick<Actor, 'kind' | 'name'>
    /** Why, where that is news. */
    reason: Reason | null
    receipt: Receipt | null
    lostSeconds: number | null
    attempt: number
    places: string[]
    priority: { from: number; to: number } | null
    exitCode: number | null
    ranSeconds: number | null
}

/** Whose reason says no more than the line itself; that of a failure stands on top of the page. */
const PLAIN: readonly string[] = [
    ...['submitted', 'scheduled', 'resumed', 'priority_changed', 'finished', 'killed'],
    ...['failed', 'errored'],
]
/** Why a person's pause stopped it: `who` says all of it. */
const PAUSED_BY_PERSON = 'pause_command'
const ENDS: readonly string[] = ['finished', 'failed', 'retried']

/** The newest first. */
export function entriesOf(events: readonly JobEvent[]): Entry[] {
    return events.map(entryOf).reverse()
}

function entryOf(event: JobEvent): Entry {
    const { job, actor, receipt, usage, previous, lost_since } = event.data
    const state = job.state
    const time = event.time
    const word = event.type.split('.')[3] ?? event.type
    return {
        version: job.version,
        time,
        fact: factOf(word, state.reason?.code),
        word,
        status: state.status,
        who: receipt?.by ?? actor,
        reason: whyOf(event, word),
        receipt: receipt ?? null,
        lostSeconds: lost_since ? (Date.parse(time) - Date.parse(lost_since)) / 1000 : null,
        attempt: state.attempt ?? 0,
        places: word === 'scheduled' ? placesOf(job) : [],
        priority: previous === null || previous === undefined ? null : { from: previous, to: state.priority },
        exitCode: ENDS.includes(word) ? (state.exit_code ?? null) : null,
        ranSeconds: usage?.seconds ?? null,
    }
}

/** A job is returned to the queue because its node was busy, or because no other node would have started it either. */
function factOf(word: string, code: string | undefined): FactName | null {
    if (word === 'returned' && code === 'start_refused') return 'refused'
    return FACTS.find((known) => known === word) ?? null
}

/** A receipt says why it was stopped; the state, why it is as it is now. */
function whyOf(event: JobEvent, word: string): Reason | null {
    const { receipt, job } = event.data
    if (!receipt) return PLAIN.includes(word) ? null : (job.state.reason ?? null)
    if (receipt.rule === PAUSED_BY_PERSON || !receipt.why) return null
    return { code: receipt.rule, message: receipt.why, details: job.state.reason?.details ?? {} }
}

/** `node-1: v100 0, 1`, of several `rank 1 · node-1: v100 0, 1`: what the job holds; empty where it holds nothing. */
export function placesOf(view: JobEvent['data']['job']): string[] {
    const shares = view.state.allocation?.shares ?? []
    return shares.map(({ node, rank, devices }) => {
        const place = devices?.length ? `${node}: ${view.device_type} ${devices.join(', ')}` : node
        return shares.length > 1 ? `rank ${rank} · ${place}` : place
    })
}

/** The history with one more event; the same if it is there already, null if some are missing in between. */
export function appended(events: readonly JobEvent[], event: JobEvent): readonly JobEvent[] | null {
    const last = events.at(-1)?.data.job.version ?? 0
    const version = event.data.job.version
    if (version <= last) return events
    return version === last + 1 ? [...events, event] : null
}

/** When a time limit ends the job that runs. */
export function endsAt(job: Pick<Job, 'status' | 'started_at' | 'max_duration_s'>): string | null {
    if (job.status !== 'running' || job.started_at === null || !job.max_duration_s) return null
    return new Date(Date.parse(job.started_at) + job.max_duration_s * 1000).toISOString()
}
