/** What a job has used, as lines; what was not measured is left out. Pure. */

import type { JobUsage } from '@/api/schema'
import { amount } from '@/ui/units'
import { duration } from '@/ui/times'

export const USED = [
    'ranFor',
    'runs',
    'cpuTime',
    'cpuMean',
    'memoryNow',
    'memoryPeak',
    'network',
    'block',
    'deviceHours',
    'deviceUse',
    'deviceIdle',
    'deviceMemory',
] as const
export type UsedName = (typeof USED)[number]
export type Used = { name: UsedName; text: string }

export function usedOf(usage: JobUsage, language: string): Used[] {
    const bytes = (value: number) => amount(value, 'bytes', language)
    const share = (value: number) => amount(value, 'ratio', language)
    const plain = (value: number) => amount(value, '', language)
    const both = (one: number, other: number) => `↓ ${bytes(one)} · ↑ ${bytes(other)}`
    const texts: Record<UsedName, string | null> = {
        ranFor: usage.seconds ? duration(usage.seconds, language) : null,
        runs: usage.runs ? String(usage.runs) : null,
        cpuTime: told(usage.cpu_seconds, (seconds) => duration(seconds, language)),
        cpuMean: told(usage.cpu_mean, plain),
        memoryNow: told(usage.memory_bytes, bytes),
        memoryPeak: told(usage.memory_peak_bytes, bytes),
        network: told(usage.network, ({ receive_bytes, transmit_bytes }) => both(receive_bytes, transmit_bytes)),
        block: told(usage.block_read_bytes, (read) => both(read, usage.block_write_bytes ?? 0)),
        deviceHours: usage.device_hours ? plain(usage.device_hours) : null,
        deviceUse: told(usage.device_utilization_mean, share),
        deviceIdle: told(usage.device_idle_share, share),
        deviceMemory: told(usage.device_memory_peak_bytes, bytes),
    }
    return USED.flatMap((name) => {
        const text = texts[name]
        return text === null ? [] : [{ name, text }]
    })
}

/** The last values that the job reported, by name; `NaN` where one diverged. */
export function reportedOf(usage: JobUsage): { name: string; text: string }[] {
    const last = Object.entries(usage.reported ?? {}).map(([name, value]) => ({ name, text: six(Number(value)) }))
    const diverged = (usage.not_finite ?? []).map((name) => ({ name, text: 'NaN' }))
    return [...last.filter(({ name }) => !usage.not_finite?.includes(name)), ...diverged].sort((a, b) =>
        a.name.localeCompare(b.name),
    )
}

function six(value: number): string {
    return String(Number(value.toPrecision(6)))
}

function told<T>(value: T | null | undefined, text: (value: T) => string): string | null {
    return value === null || value === undefined ? null : text(value)
}
