/**
 * From the form to what the gateway takes. Pure. Only what was said stands in the request: what is left out has the
 * platform's default. What is no number travels as it was typed, so that the gateway names the field.
 */

import type { FieldError, JobRequest } from '@/api/schema'
import { NUMBERS, TEXTS, TOLD, type Draft } from '@/submit/draft'

type Field = keyof JobRequest
type Told = { to: string; on?: string[] }

/** What the gateway takes: the rest of a `JobRequest` is the platform's default. */
export type Submission = Partial<Omit<JobRequest, 'notify'>> & { notify?: Told[] }
type Said = { [F in Field]?: Submission[F] | string | (string | number)[] }

/** The order of the contract: what people copy reads from the most important to the least. */
const ORDER = [
    'name',
    'command',
    'vc',
    'image',
    'env',
    'data_path',
    'work_path',
    'job_path',
    'checkpoint_path',
    'device_type',
    'devices',
    'nodes',
    'cpus',
    'memory_mib',
    'preemptible',
    'priority',
    'max_duration_s',
    'grace_period_s',
    'retries',
    'labels',
    'endpoints',
    'interactive_ports',
    'notify',
] as const satisfies readonly Field[]

export function requestOf(draft: Draft): Submission {
    const texts = TEXTS.map((field) => [field, draft[field].trim()] as const)
    const numbers = NUMBERS.map((field) => [field, numberOf(draft[field])] as const)
    const said: Said = {
        ...Object.fromEntries([...texts, ...numbers].filter(([, value]) => value !== '')),
        ...commandOf(draft),
        env: envOf(draft),
        labels: Object.fromEntries(draft.labels.filter(some).map(({ name, value }) => [name.trim(), value.trim()])),
        endpoints: draft.endpoints,
        interactive_ports: listed(draft.interactive_ports).map(numberOf),
        notify: draft.notify.filter(({ to }) => to.trim() !== '').map(({ to, on }) => told(to.trim(), on)),
    }
    if (draft.device_type !== 'cpu') said.device_type = draft.device_type.trim()
    if (draft.preemptible) said.preemptible = true
    if (said.vc === 'default') delete said.vc
    const kept = ORDER.filter((field) => !vacant(said[field])).map((field) => [field, said[field]])
    return Object.fromEntries(kept) as Submission
}

/** What a request can't even say: the same name twice in what is a map. `message` is the name of a text. */
export function twice(draft: Draft): FieldError[] {
    const of = (field: string, rows: readonly { name: string }[]) => {
        const names = rows.map(({ name }) => name.trim()).filter((name) => name !== '')
        const repeated = new Set(names.filter((name, at) => names.indexOf(name) !== at))
        return [...repeated].map((name) => ({ field: `${field}.${name}`, message: 'twice' }))
    }
    return [...of('env', draft.env), ...of('labels', draft.labels)]
}

function commandOf(draft: Draft): Said {
    if (draft.commandKind === 'line') return draft.line.trim() === '' ? {} : { command: draft.line }
    return draft.words.length > 0 ? { command: draft.words.map(({ text }) => text) } : {}
}

function envOf(draft: Draft): NonNullable<JobRequest['env']> {
    const rows = draft.env.filter(({ name, kind, value, secret }) => name || (kind === 'value' ? value : secret))
    return Object.fromEntries(
        rows.map(({ name, kind, value, secret }) => [
            name.trim(),
            kind === 'value' ? value : { secret: secret.trim() },
        ]),
    )
}

function told(to: string, on: readonly string[]): Told {
    const usual = on.length === TOLD.length && TOLD.every((event) => on.includes(event))
    return usual ? { to } : { to, on: [...on] }
}

function numberOf(text: string): number | string {
    const trimmed = text.trim()
    return /^-?\d{1,15}(\.\d{1,9})?$/.test(trimmed) ? Number(trimmed) : trimmed
}

function listed(text: string): string[] {
    return text.split(/[\s,，、]+/).filter((word) => word !== '')
}

function some({ name, value }: { name: string; value: string }): boolean {
    return name.trim() !== '' || value.trim() !== ''
}

function vacant(value: unknown): boolean {
    if (value === undefined || value === '') return true
    return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
