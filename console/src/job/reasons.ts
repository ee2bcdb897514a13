/** What a job's reason says beyond its sentence: its figures, who stands in the way, and what would change that. Pure. */

import type { Reason } from '@/api/schema'
import { inChinese } from '@/locales/zh/reasons'

const ULID = /\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b/g

/** An amount of a node, as the scheduler counts it. */
export type Amount = { devices: number; cpus: number; memoryMib: number }

/** The figures of a reason that this page knows how to read; each may be missing. */
export type Facts = {
    position: number | null
    ahead: number | null
    deviceType: string | null
    /** How many nodes it needs at the same time. */
    nodes: number
    needs: Amount | null
    free: Amount | null
    freeOnOne: Amount | null
    held: Amount | null
    heldBy: number | null
    /** All others, as they came. */
    text: (name: string) => string
    number: (name: string) => number | null
    list: (name: string) => string[]
    /** The reason behind this one. */
    reason: (name: string) => Reason | null
}

/** Waiting does not help these, so their place in line says nothing. */
const STUCK: readonly string[] = ['no_such_device', 'no_node_fits', 'gang_too_large']

export function factsOf(reason: Reason): Facts {
    const details = reason.details ?? {}
    const number = (name: string) => asNumber(details[name])
    return {
        position: STUCK.includes(reason.code) ? null : number('position'),
        ahead: number('ahead'),
        deviceType: asText(asRecord(details['needs'])?.['device_type']) || null,
        nodes: asNumber(asRecord(details['needs'])?.['nodes']) ?? 1,
        needs: asAmount(details['needs']),
        free: asAmount(details['free']),
        freeOnOne: asAmount(details['free_on_one_node']),
        held: asAmount(details['held']),
        heldBy: number('held_by'),
        text: (name) => asText(details[name]),
        number,
        list: (name) => asTexts(details[name]),
        reason: (name) => asReason(details[name]),
    }
}

/** The sentence in the chosen language: the gateway speaks English, and a code that is not known is left as it is. */
export function sentenceOf(reason: Reason, language: string): string {
    return (language === 'zh' && inChinese(reason)) || reason.message
}

/** Jobs that stand in the way, by id: those that stop for this one, or the one that took its place. */
export function blockersOf(reason: Reason): string[] {
    const facts = factsOf(reason)
    return [...facts.list('victims'), facts.text('for')].filter((id) => id.match(ULID)?.[0] === id)
}

const CHANGES = [
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
    'cluster_node_silent',
    'nodes_closed',
    'held_until',
    'start_refused',
    'no_nodes',
    'no_such_device',
    'no_node_fits',
    'starting',
    'pulling_image',
    'pod_waits',
    'preempting',
    'preempted',
    'paused',
    'queued',
] as const
export type ChangeKey = (typeof CHANGES)[number]

/** What would change it: the name of a text and its figures; null where there is nothing to say. */
export function changeOf(reason: Reason): { key: ChangeKey; figures: Record<string, string | number> } | null {
    const { needs, nodes, deviceType, freeOnOne, text } = factsOf(reason)
    const code = reason.code === 'node_silent' && text('executor') ? 'cluster_node_silent' : reason.code
    const key = CHANGES.find((known) => known === code)
    if (key === undefined) return null
    return {
        key,
        figures: {
            nodes,
            devices: needs?.devices ?? 0,
            type: deviceType ?? '',
            cpus: needs?.cpus ?? 0,
            memory: needs?.memoryMib ?? 0,
            free: freeOnOne?.devices ?? 0,
        },
    }
}

export type Part = { text: string; job: boolean }

/** A sentence in pieces, so that the ids of jobs in it can be links. */
export function linked(sentence: string): Part[] {
    const parts: Part[] = []
    let end = 0
    for (const found of sentence.matchAll(ULID)) {
        if (found.index > end) parts.push({ text: sentence.slice(end, found.index), job: false })
        parts.push({ text: found[0], job: true })
        end = found.index + found[0].length
    }
    if (end < sentence.length) parts.push({ text: sentence.slice(end), job: false })
    return parts
}

function asRecord(value: unknown): Record<string, unknown> | null {
    return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as Record<string, unknown>)
        : null
}

function asNumber(value: unknown): number | null {
    return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function asText(value: unknown): string {
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function asTexts(value: unknown): string[] {
    return Array.isArray(value) ? value.map(asText).filter((text) => text !== '') : []
}

function asReason(value: unknown): Reason | null {
    const record = asRecord(value)
    const [code, message] = [asText(record?.['code']), asText(record?.['message'])]
    return code && message ? { code, message, details: asRecord(record?.['details']) ?? {} } : null
}

function asAmount(value: unknown): Amount | null {
    const record = asRecord(value)
    if (record === null) return null
    return {
        devices: asNumber(record['devices']) ?? 0,
        cpus: asNumber(record['cpus']) ?? 0,
        memoryMib: asNumber(record['memory_mib']) ?? 0,
    }
}
