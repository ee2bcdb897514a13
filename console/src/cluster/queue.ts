/** Who waits for what, and where in ALL JOBS they stand. Pure. */

import type { QueueReason } from '@/api/schema'

/** Reasons that have words of their own; another is shown by its code. */
export const REASON_CODES = [
    'queued',
    'waiting_for_devices',
    'waiting_for_cpus',
    'waiting_for_memory',
    'waiting_for_pods',
    'waiting_for_turn',
    'gang',
    'gang_too_large',
    'making_room',
    'node_busy',
    'node_silent',
    'nodes_closed',
    'held_until',
    'start_refused',
    'no_nodes',
    'no_such_device',
    'no_node_fits',
] as const
export type ReasonCode = (typeof REASON_CODES)[number]

export function isKnown(code: string): code is ReasonCode {
    return (REASON_CODES as readonly string[]).includes(code)
}

/** Null for jobs that one may not see. */
export function addressOf({ device_type, vc }: Pick<QueueReason, 'device_type' | 'vc'>) {
    return vc === null ? null : { name: 'all', query: { status: 'queued', device_type, vc } }
}
