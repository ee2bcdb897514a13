/** The rows of ENDPOINTS: what may be opened, how far it is, and what one can do about it. Pure. */

import type { Endpoint, EndpointKind, Job } from '@/api/schema'
import { isOver } from '@/api/statuses'

export const STATES = ['off', 'later', 'starting', 'ready', 'failed'] as const
export type EndpointState = (typeof STATES)[number]

export type Row = {
    name: string
    kind: EndpointKind
    port: number | null
    endpoint: Endpoint | null
    state: EndpointState
    /** Whether its switch is on: somebody wants it. */
    on: boolean
    /** Whether a browser can be sent there now. */
    opens: boolean
    /** Where it is, to read and to copy: the line for a terminal, or the address. */
    address: string | null
}

const ALWAYS = ['ssh', 'jupyter', 'tensorboard'] as const

/** The three that every job may have, in this order, then its ports by number. */
export function rowsOf(endpoints: readonly Endpoint[]): Row[] {
    const ports = endpoints.filter(({ kind }) => kind === 'port').sort((a, b) => (a.port ?? 0) - (b.port ?? 0))
    const fixed = ALWAYS.map((kind) => rowOf(kind, kind, endpoints.find(({ name }) => name === kind) ?? null))
    return [...fixed, ...ports.map((endpoint) => rowOf(endpoint.name, 'port', endpoint))]
}

function rowOf(name: string, kind: EndpointKind, endpoint: Endpoint | null): Row {
    const state = stateOf(endpoint)
    return {
        name,
        kind,
        port: endpoint?.port ?? null,
        endpoint,
        state,
        on: state !== 'off',
        opens: state === 'ready' && Boolean(endpoint?.url),
        address: state === 'ready' ? (endpoint?.url ?? endpoint?.command ?? null) : null,
    }
}

function stateOf(endpoint: Endpoint | null): EndpointState {
    if (endpoint === null || endpoint.status === 'closed') return 'off'
    return endpoint.status === 'requested' ? 'later' : endpoint.status
}

/** Whether one of them is not yet where the job's status leads it: nothing else tells when it is. */
export function moves(endpoints: readonly Endpoint[], job: Pick<Job, 'status'>): boolean {
    return endpoints.some((endpoint) => !settled(endpoint, job))
}

const LEAVING: readonly string[] = ['pausing', 'killing']

function settled({ status, reason }: Endpoint, job: Pick<Job, 'status'>): boolean {
    if (status === 'starting') return false
    if (status === 'closed' || LEAVING.includes(job.status)) return true
    if (job.status === 'running') return status !== 'requested'
    if (isOver(job.status)) return reason?.code === 'kept'
    return status === 'requested'
}

export const PORTS = { least: 1024, most: 65535 } as const

/** What is wrong with a port that somebody typed; null: nothing. */
export function wrongPort(text: string): boolean {
    const number = Number(text)
    return !/^\d{1,5}$/.test(text.trim()) || number < PORTS.least || number > PORTS.most
}
