/** How much a job in the way has of what another one waits for: a text of the catalogue and its figures. Pure. */

import type { Blocker } from '@/api/schema'

export type Share =
    | { text: 'devices'; count: number; type: string }
    | { text: 'cpus'; count: number }
    | { text: 'memory'; mib: number }
    | { text: 'pod' }

/** Devices where it has some; for whoever lacks cpus or memory, these. */
export function shareOf(blocker: Blocker, code: string): Share {
    if (code === 'waiting_for_memory') return { text: 'memory', mib: blocker.memory_mib }
    if (code === 'waiting_for_pods') return { text: 'pod' }
    if (code === 'waiting_for_cpus' || blocker.devices === 0) return { text: 'cpus', count: blocker.cpus }
    return { text: 'devices', count: blocker.devices, type: blocker.device_type }
}

/** The end of an id, by which one tells jobs of one name apart. */
export function shortId(id: string): string {
    return `#${id.slice(-6)}`
}
