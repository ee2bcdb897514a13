/** Why a job is where it is, in the few words that a row has room for: a text of the catalogue and its figures. Pure. */

import type { Job } from '@/api/schema'

/** What keeps a job from starting, or ended it, by the reason's code. */
const TROUBLES = {
    time_limit: 'timeLimit',
    run_lost: 'lost',
    work_path_missing: 'noPath',
    data_path_missing: 'noPath',
    path_outside: 'badPath',
    path_unusable: 'badPath',
    path_unmapped: 'badPath',
    path_whole: 'badPath',
    path_read_only: 'badPath',
    path_movable: 'pathTaken',
    secret_missing: 'noSecret',
    image_unavailable: 'noImage',
    image_missing: 'noImage',
    image_invalid: 'noImage',
    program_missing: 'noProgram',
    shell_missing: 'noProgram',
    start_overdue: 'noImage',
    disk_full: 'diskFull',
    claim_missing: 'noStorage',
    claim_unbound: 'noStorage',
    claim_differs: 'noStorage',
    cluster_refused: 'clusterRefused',
    namespace_closed: 'noNamespace',
    namespace_foreign: 'noNamespace',
    namespace_taken: 'noNamespace',
    no_user: 'noUser',
} as const satisfies Record<string, string>
type Trouble = (typeof TROUBLES)[keyof typeof TROUBLES] | 'refused'

export type Why =
    | { text: 'devices'; count: number; type: string; place: number | null }
    | { text: 'cpus'; count: number; place: number | null }
    | { text: 'memory'; gib: number; place: number | null }
    | { text: 'gang'; count: number; place: number | null }
    | { text: 'pods' | 'turn' | 'busy' | 'room' | 'tooLarge' | 'noNodes'; place: number | null }
    | { text: 'noDevice'; type: string; place: null }
    | { text: 'until'; at: string; place: null }
    | { text: 'starting' | 'silent'; node: string; place: null }
    | { text: 'exit'; code: number; place: null }
    | { text: 'tooMany'; count: number; place: null }
    | { text: Trouble; place: null }
    | { text: 'by'; name: string; place: null }
    | { text: 'sentence'; sentence: string; place: null }

/** Null where the status says it all. The whole sentence stands in `reason.message`. */
export function why(job: Pick<Job, 'status' | 'reason' | 'exit_code'>): Why | null {
    const { reason, status } = job
    if (status === 'failed' && reason?.code === 'command_failed' && job.exit_code !== null)
        return { text: 'exit', code: job.exit_code, place: null }
    if (reason === null || reason.code === 'finished' || reason.code === 'queued') return null
    const details = reason.details ?? {}
    if (reason.code === 'start_refused')
        return { text: troubleOf(text(record(details['why'])['code'])) ?? 'refused', place: null }
    const trouble = troubleOf(reason.code)
    if (trouble !== null) return { text: trouble, place: null }
    const needs = record(details['needs'])
    const place = typeof details['position'] === 'number' ? details['position'] : null
    switch (reason.code) {
        case 'waiting_for_devices':
            return { text: 'devices', count: number(needs['devices']), type: text(needs['device_type']), place }
        case 'waiting_for_cpus':
            return { text: 'cpus', count: number(needs['cpus']), place }
        case 'waiting_for_memory':
            return { text: 'memory', gib: Math.round(number(needs['memory_mib']) / 102.4) / 10, place }
        case 'waiting_for_pods':
            return { text: 'pods', place }
        case 'gang':
            return { text: 'gang', count: number(needs['nodes']), place }
        case 'waiting_for_turn':
            return { text: 'turn', place }
        case 'node_busy':
            return { text: 'busy', place }
        case 'making_room':
            return { text: 'room', place }
        case 'no_node_fits':
            return { text: 'tooLarge', place: null }
        case 'gang_too_large':
            return { text: 'tooMany', count: number(needs['nodes']), place: null }
        case 'no_nodes':
            return { text: 'noNodes', place: null }
        case 'no_such_device':
            return { text: 'noDevice', type: text(needs['device_type']), place: null }
        case 'held_until':
            return typeof details['until'] === 'string' ? { text: 'until', at: details['until'], place: null } : null
        case 'starting':
            return { text: 'starting', node: whereOf(details), place: null }
        case 'node_silent':
            return { text: 'silent', node: whereOf(details), place: null }
        case 'paused':
        case 'killed':
            if (typeof details['by'] === 'string') return { text: 'by', name: details['by'], place: null }
    }
    return { text: 'sentence', sentence: reason.message, place: null }
}

function troubleOf(code: string): Trouble | null {
    return Object.hasOwn(TROUBLES, code) ? TROUBLES[code as keyof typeof TROUBLES] : null
}

/** Of several nodes the first, and how many more there are. */
function whereOf(details: Readonly<Record<string, unknown>>): string {
    const nodes: readonly unknown[] = Array.isArray(details['nodes']) ? details['nodes'] : []
    const first = text(details['node']) || text(nodes[0])
    return first + (nodes.length > 1 ? ` +${nodes.length - 1}` : '')
}

function record(value: unknown): Readonly<Record<string, unknown>> {
    return typeof value === 'object' && value !== null ? { ...value } : {}
}

function number(value: unknown): number {
    return typeof value === 'number' ? value : 0
}

function text(value: unknown): string {
    return typeof value === 'string' ? value : ''
}
