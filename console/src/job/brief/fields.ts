/** The fields of BRIEF, in the order of the platform's manual. Pure. */

import type { Job } from '@/api/schema'
import { HIDDEN } from '@/job/hidden'
import type { TermName } from '@/locales/terms'
import { quoted, visible } from '@/ui/shell'

/** `text`: null where there is none; `hidden` where the reader may not see it. */
export type Field = {
    term: TermName
    text: string | number | boolean | null
    kind: 'text' | 'mono' | 'path' | 'command' | 'truth' | 'status' | 'time'
    hidden?: boolean
}

export function fieldsOf(job: Job): Field[] {
    const hidden = job.command === HIDDEN
    const command = typeof job.command === 'string' ? visible(job.command) : job.command.map(quoted).join(' ')
    const path = (term: TermName, text: string | null | undefined): Field => ({
        term,
        text: text ?? null,
        kind: 'path',
        hidden,
    })
    return [
        { term: 'Job Id', text: job.id, kind: 'mono' },
        { term: 'Job Name', text: job.name, kind: 'text' },
        { term: 'VC Name', text: job.vc ?? null, kind: 'text' },
        { term: 'Docker Image', text: job.image ?? null, kind: 'mono' },
        { term: 'Command', text: command, kind: 'command', hidden },
        path('Data Path', job.data_path),
        path('Work Path', job.work_path),
        path('Job Path', job.job_path),
        { term: 'Preemptible', text: job.preemptible ?? false, kind: 'truth' },
        { term: 'Device Type', text: job.device_type ?? null, kind: 'text' },
        ...devicesOf(job),
        { term: 'Job Status', text: job.status, kind: 'status' },
        { term: 'Job Submission Time', text: job.submitted_at, kind: 'time' },
    ]
}

/** With one node its devices are all; with several, how many nodes, and how many devices in all. */
function devicesOf(job: Job): Field[] {
    const each: Field = { term: 'Number of Device', text: job.devices ?? 0, kind: 'text' }
    if ((job.nodes ?? 1) === 1) return [each]
    return [
        each,
        { term: 'Number of Nodes', text: job.nodes ?? 1, kind: 'text' },
        { term: 'Total of Device', text: job.devices_total, kind: 'text' },
    ]
}
