/**
 * What a list shows, as the address says it: so that a view can be shared, and the back button leads to the one before.
 * Only what differs from the list's own rule stands in the address. Pure.
 */

import type { JobStatus, operations } from '@/api/schema'

export type Scope = 'mine' | 'all'
export type Params = NonNullable<operations['listJobs']['parameters']['query']>
export type Sort = NonNullable<Params['sort']>

export type ListView = {
    scope: Scope
    q: string
    status: JobStatus[]
    vc: string
    owner: string
    deviceType: string
    preemptible: boolean | null
    label: string[]
    submittedAfter: string
    submittedBefore: string
    /** Only of MY JOBS, as these two: ALL JOBS holds none that is over. */
    finishedAfter: string
    finishedBefore: string
    sort: Sort
    cursor: string
    /** Only of ALL JOBS: those that run as well. */
    running: boolean
}

/** As vue-router has it, and as `URLSearchParams` can be read. */
export type AddressQuery = Readonly<Record<string, string | null | undefined | readonly (string | null)[]>>

export const ROWS = 50
export const STATUSES = [
    'queued',
    'scheduling',
    'running',
    'pausing',
    'paused',
    'killing',
    'finished',
    'failed',
    'error',
    'killed',
] as const satisfies readonly JobStatus[]
/** What ALL JOBS holds: those that wait; with the switch, those that hold devices as well. */
export const WAITING = ['queued', 'scheduling', 'paused'] as const satisfies readonly JobStatus[]
export const UNDER_WAY = ['running', 'pausing', 'killing'] as const satisfies readonly JobStatus[]
export const NOT_OVER: readonly JobStatus[] = [...WAITING, ...UNDER_WAY]

const SORT = /^-?(id|name|status|devices|preemptible|priority|submitted|started|finished|user)$/
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** The list's own order: newest first; of ALL JOBS the order of the queue. */
export function ownOrder(scope: Scope): Sort {
    return scope === 'mine' ? '-submitted' : '-priority'
}

/** What the address asks for. What it asks for and no list has, is left out. */
export function viewOf(scope: Scope, query: AddressQuery): ListView {
    const sort = first(query['sort'])
    const may = scope === 'mine' ? STATUSES : NOT_OVER
    const preemptible = first(query['preemptible'])
    return {
        scope,
        q: first(query['q']),
        status: may.filter((status) => first(query['status']).split(',').includes(status)),
        vc: first(query['vc']),
        owner: scope === 'all' ? first(query['owner']) : '',
        deviceType: first(query['device_type']),
        preemptible: preemptible === 'true' ? true : preemptible === 'false' ? false : null,
        label: every(query['label']),
        submittedAfter: first(query['submitted_after']),
        submittedBefore: first(query['submitted_before']),
        finishedAfter: scope === 'mine' ? first(query['finished_after']) : '',
        finishedBefore: scope === 'mine' ? first(query['finished_before']) : '',
        sort: SORT.test(sort) ? (sort as Sort) : ownOrder(scope),
        cursor: first(query['cursor']),
        running: scope === 'all' && first(query['running']) === 'true',
    }
}

/** The address of a view. */
export function queryOf(view: ListView): Record<string, string | string[]> {
    const said: Record<string, string | string[]> = {
        q: view.q,
        status: view.status.join(','),
        vc: view.vc,
        owner: view.owner,
        device_type: view.deviceType,
        preemptible: view.preemptible === null ? '' : String(view.preemptible),
        label: view.label,
        submitted_after: view.submittedAfter,
        submitted_before: view.submittedBefore,
        finished_after: view.finishedAfter,
        finished_before: view.finishedBefore,
        sort: view.sort === ownOrder(view.scope) ? '' : view.sort,
        running: view.running ? 'true' : '',
        cursor: view.cursor,
    }
    return Object.fromEntries(Object.entries(said).filter(([, value]) => value.length > 0))
}

/** What the gateway is asked for. */
export function paramsOf(view: ListView): Params {
    const status = statusesOf(view)
    return {
        scope: view.scope,
        limit: ROWS,
        sort: view.sort,
        ...(status === null ? {} : { status: status.join(',') }),
        ...(view.q ? { q: view.q } : {}),
        ...(view.vc ? { vc: view.vc } : {}),
        ...(view.owner ? { owner: view.owner } : {}),
        ...(view.deviceType ? { device_type: view.deviceType } : {}),
        ...(view.preemptible === null ? {} : { preemptible: view.preemptible }),
        ...(view.label.length ? { label: view.label } : {}),
        ...(view.submittedAfter ? { submitted_after: view.submittedAfter } : {}),
        ...(view.submittedBefore ? { submitted_before: view.submittedBefore } : {}),
        ...(view.finishedAfter ? { finished_after: view.finishedAfter } : {}),
        ...(view.finishedBefore ? { finished_before: view.finishedBefore } : {}),
        ...(view.cursor ? { cursor: view.cursor } : {}),
    }
}

/** Where the gateway answers for the view of an address, as `paramsOf` asks it; null where there is nothing to ask. */
export function addressOf(scope: Scope, search: string): string | null {
    const asked = new URLSearchParams(search)
    const query = Object.fromEntries(Array.from(new Set(asked.keys()), (key) => [key, asked.getAll(key)]))
    const view = viewOf(scope, query)
    if (isImpossible(view)) return null
    const address = new URLSearchParams()
    for (const [key, value] of Object.entries(paramsOf(view)))
        for (const one of Array.isArray(value) ? value : [value]) address.append(key, String(one))
    return `/api/v1/jobs?${address}`
}

/** The statuses that the list holds; null: all. */
export function statusesOf(view: ListView): readonly JobStatus[] | null {
    if (view.status.length) return view.status
    if (view.scope === 'mine') return null
    return view.running ? NOT_OVER : WAITING
}

/** Another order by a press on a column: upwards and downwards in turn; what one counts or dates begins at the top. */
export function sortedBy(view: ListView, column: string): ListView {
    const downFirst = ['devices', 'priority', 'submitted', 'started', 'finished', 'preemptible'].includes(column)
    const [one, other] = downFirst ? [`-${column}`, column] : [column, `-${column}`]
    return changed(view, { sort: (view.sort === one ? other : one) as Sort })
}

/** The same list with something else asked for: from its first page on. */
export function changed(view: ListView, change: Partial<ListView>): ListView {
    return { ...view, cursor: '', ...change }
}

/** Whether something is left out that the list's own rule would show. */
export function isNarrowed(view: ListView): boolean {
    const { q, status, vc, owner, deviceType, preemptible, label } = view
    const { submittedAfter, submittedBefore, finishedAfter, finishedBefore } = view
    const moments = [submittedAfter, submittedBefore, finishedAfter, finishedBefore]
    return preemptible !== null || [q, status, vc, owner, deviceType, label, ...moments].some(long)
}

/** Whether no job may have such a name or id, so that there is nothing to ask for. */
export function isImpossible(view: ListView): boolean {
    return view.q !== '' && !NAME.test(view.q)
}

function long(text: string | readonly string[]): boolean {
    return text.length > 0
}

function first(value: AddressQuery[string]): string {
    return every(value)[0] ?? ''
}

function every(value: AddressQuery[string]): string[] {
    if (value === null || value === undefined) return []
    return (typeof value === 'string' ? [value] : value).filter((text) => text !== null && text !== '') as string[]
}
