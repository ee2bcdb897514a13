/** From a job that one may see to a form with the same in it. Pure. What is hidden stays empty, and is named. */

import type { Job } from '@/api/schema'
import { HIDDEN } from '@/job/hidden'
import { emptyDraft, NUMBERS, rowKey, TOLD, type Draft, type NumberField } from '@/submit/draft'

/** What the reader of a job may not see of it, or what nobody is shown. */
export type Unseen = 'command' | 'env' | 'notify'

/** What the platform fills in where a submission says nothing. */
const DEFAULTS: Partial<Record<NumberField, number>> = {
    devices: 0,
    nodes: 1,
    cpus: 1,
    memory_mib: 0,
    priority: 100,
    grace_period_s: 30,
    retries: 0,
}

export function cloneOf(job: Job, reader: string): { draft: Draft; unseen: Unseen[] } {
    const hidden = job.command === HIDDEN
    const env = Object.entries(job.env ?? {})
    const withheld = env.some(([, value]) => value === HIDDEN) && job.owner !== reader
    const unseen: Unseen[] = []
    if (hidden) unseen.push('command')
    else if (withheld) unseen.push('env')
    if (!hidden && job.owner !== reader && (job.notify ?? []).length === 0) unseen.push('notify')
    const draft: Draft = {
        ...emptyDraft(),
        ...Object.fromEntries(NUMBERS.map((field) => [field, said(job, field)])),
        name: job.name,
        vc: job.vc ?? '',
        image: job.image ?? '',
        data_path: job.data_path ?? '',
        work_path: job.work_path ?? '',
        ...foldersOf(job),
        ...(hidden ? {} : commandOf(job.command)),
        device_type: job.device_type ?? 'cpu',
        preemptible: job.preemptible ?? false,
        env: env.map(([name, entry]) => ({
            key: rowKey(),
            name,
            kind: typeof entry === 'string' ? 'value' : 'secret',
            value: typeof entry !== 'string' || (withheld && entry === HIDDEN) ? '' : entry,
            secret: typeof entry === 'string' ? '' : entry.secret,
        })),
        labels: Object.entries(job.labels ?? {}).map(([name, value]) => ({ key: rowKey(), name, value })),
        endpoints: [...(job.endpoints ?? [])],
        interactive_ports: (job.interactive_ports ?? []).join(', '),
        notify: (job.notify ?? []).map(({ to, on }) => ({ key: rowKey(), to, on: [...(on ?? TOLD)] })),
    }
    return { draft, unseen }
}

function commandOf(command: Job['command']): Partial<Draft> {
    if (typeof command === 'string') return { commandKind: 'line', line: command }
    return { commandKind: 'words', words: command.map((text) => ({ key: rowKey(), text })) }
}

function said(job: Job, field: NumberField): string {
    const value = job[field]
    return value === null || value === undefined || value === DEFAULTS[field] ? '' : String(value)
}

/** A job's own folder is its own: a clone gets a new one, unless somebody has named it. */
function foldersOf(job: Job): Pick<Draft, 'job_path' | 'checkpoint_path'> {
    const folder = job.job_path ?? ''
    const checkpoints = job.checkpoint_path ?? ''
    return {
        job_path: folder.split('/').at(-1) === job.id ? '' : folder,
        checkpoint_path: checkpoints === `${folder}/checkpoints` ? '' : checkpoints,
    }
}
