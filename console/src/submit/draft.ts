/**
 * What stands in the form, as it was typed: a half-typed number is no number yet, and nothing typed is ever lost. Pure.
 *
 * Every list has keys of its own, so that a row keeps its place on the page while others come and go.
 */

export type Row = { key: number }
export type Variable = Row & { name: string; kind: 'value' | 'secret'; value: string; secret: string }
export type Label = Row & { name: string; value: string }
export type Word = Row & { text: string }
export type Recipient = Row & { to: string; on: string[] }

/** Fields that are one line of text, with the name that the gateway gives them. */
export const TEXTS = ['name', 'vc', 'image', 'data_path', 'work_path', 'job_path', 'checkpoint_path'] as const
export type TextField = (typeof TEXTS)[number]

/** Fields that are a number, or empty for the platform's default. */
export const NUMBERS = [
    'devices',
    'nodes',
    'cpus',
    'memory_mib',
    'priority',
    'max_duration_s',
    'grace_period_s',
    'retries',
] as const
export type NumberField = (typeof NUMBERS)[number]

export type Draft = Record<TextField, string> &
    Record<NumberField, string> & {
        commandKind: 'line' | 'words'
        line: string
        words: Word[]
        device_type: string
        preemptible: boolean
        env: Variable[]
        labels: Label[]
        endpoints: string[]
        interactive_ports: string
        notify: Recipient[]
    }

/** Whom a job tells, and of what, without a word about it. */
export const TOLD = ['finished', 'failed', 'error', 'killed']

let last = Date.now()

/** A key that no other row has, nor one that was kept from before a reload. */
export function rowKey(): number {
    return ++last
}

export function emptyDraft(): Draft {
    const texts = Object.fromEntries(TEXTS.map((field) => [field, ''])) as Record<TextField, string>
    const numbers = Object.fromEntries(NUMBERS.map((field) => [field, ''])) as Record<NumberField, string>
    return {
        ...texts,
        ...numbers,
        commandKind: 'line',
        line: '',
        words: [],
        device_type: 'cpu',
        preemptible: false,
        env: [],
        labels: [],
        endpoints: [],
        interactive_ports: '',
        notify: [],
    }
}

/** Whether anything was typed. Which virtual cluster is chosen, the form may have done by itself. */
export function isEmpty(draft: Draft): boolean {
    return JSON.stringify({ ...draft, vc: '' }) === JSON.stringify(emptyDraft())
}

/** Words for the list of arguments, where a line is nothing but words; null where a shell would have to read it. */
export function plainWords(line: string): string[] | null {
    const words = /^ *[A-Za-z0-9_@%+:,./-]+( +[A-Za-z0-9_@%+=:,./-]+)* *$/
    return words.test(line) ? line.split(' ').filter(Boolean) : null
}
