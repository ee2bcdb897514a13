/** What the fields of a submission are called: by a word of the manual, or by a text of the catalogue. Pure. */

import type { TermName } from '@/locales/terms'

export const FIELD_TERMS = {
    name: 'Job Name',
    vc: 'VC Name',
    image: 'Docker Image',
    command: 'Command',
    data_path: 'Data Path',
    work_path: 'Work Path',
    job_path: 'Job Path',
    device_type: 'Device Type',
    devices: 'Number of Device',
    nodes: 'Number of Nodes',
    preemptible: 'Preemptible',
    priority: 'Priority',
} as const satisfies Record<string, TermName>

export type FieldTerm = keyof typeof FIELD_TERMS

/** Those that stand in the advanced part, which opens when one of them is wrong. */
const ADVANCED = [
    'checkpoint_path',
    'env',
    'endpoints',
    'interactive_ports',
    'max_duration_s',
    'grace_period_s',
    'retries',
    'labels',
    'notify',
]

/** `env.LR` is about the field `env`. */
export function rootOf(path: string): string {
    return path.split('.', 1)[0] ?? ''
}

export function isAdvanced(path: string): boolean {
    return ADVANCED.includes(rootOf(path))
}

export function isTerm(field: string): field is FieldTerm {
    return Object.hasOwn(FIELD_TERMS, field)
}
