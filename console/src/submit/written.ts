/**
 * A submission as one writes it elsewhere: as a file, and as a line for a shell. Pure.
 *
 * Invariant: `jobyard submit` sends of each exactly this request (tests/unit/jobyard/test_written.py holds both to it).
 */

import type { Submission } from '@/submit/request'
import { printable, yaml } from '@/submit/yaml'
import { quoted, UNPRINTED } from '@/ui/shell'

const PATHS = ['data_path', 'work_path', 'job_path', 'checkpoint_path'] as const

/** One option each, in the order of the contract. */
const OPTIONS = {
    name: '--name',
    vc: '--vc',
    image: '--image',
    data_path: '--data-path',
    work_path: '--work-path',
    job_path: '--job-path',
    checkpoint_path: '--checkpoint-path',
    device_type: '--device-type',
    devices: '--devices',
    nodes: '--nodes',
    cpus: '--cpus',
    memory_mib: '--memory-mib',
    priority: '--priority',
    max_duration_s: '--max-duration',
    grace_period_s: '--grace-period',
    retries: '--retries',
} as const satisfies Partial<Record<keyof Submission, string>>

export function asJson(request: Submission): string {
    return printable(JSON.stringify(elsewhere(request), null, 2))
}

export function asYaml(request: Submission): string {
    return yaml(elsewhere(request) as Parameters<typeof yaml>[0])
}

/** Options where they can say it, else the file on standard input. */
export function asCommandLine(request: Submission): string {
    if (!optionsSuffice(request)) return fromFile(asYaml(request))
    const job = elsewhere(request)
    const options = Object.entries(OPTIONS).flatMap(([field, option]) => {
        const value = job[field as keyof typeof OPTIONS]
        return value === undefined || value === null ? [] : [option, quoted(String(value))].join(' ')
    })
    if (job.preemptible) options.push('--preemptible')
    for (const [name, value] of Object.entries(job.env ?? {}))
        options.push(
            typeof value === 'string' ? `--env ${quoted(`${name}=${value}`)}` : secretOption(name, value.secret),
        )
    for (const [name, value] of Object.entries(job.labels ?? {})) options.push(`--label ${quoted(`${name}=${value}`)}`)
    for (const endpoint of job.endpoints ?? []) options.push(`--endpoint ${endpoint}`)
    for (const port of job.interactive_ports ?? []) options.push(`--port ${quoted(String(port))}`)
    for (const { to } of job.notify ?? []) options.push(`--notify ${quoted(to)}`)
    const { command } = job
    if (command !== undefined) options.push(`-- ${[command].flat().map(quoted).join(' ')}`)
    return ['jobyard submit', ...options].join(' \\\n  ')
}

/**
 * Which events somebody is told of has no option, nor has a list of one argument: one word is a line. And what a terminal
 * would obey stands in no line, since not every shell has escapes for it.
 */
function optionsSuffice(request: Submission): boolean {
    const { command, notify } = request
    if ((Array.isArray(command) && command.length === 1) || isUnprinted(request)) return false
    return !(notify ?? []).some(({ on }) => on !== undefined)
}

function isUnprinted(value: unknown): boolean {
    if (typeof value === 'string') return UNPRINTED.test(value)
    return typeof value === 'object' && value !== null && Object.entries(value).flat().some(isUnprinted)
}

function fromFile(file: string): string {
    const lines = file.split('\n')
    let end = 'JOB'
    while (lines.includes(end)) end += '_'
    return `jobyard submit --file - <<'${end}'\n${file}${end}`
}

function secretOption(name: string, secret: string): string {
    return `--secret ${quoted(name === secret ? name : `${name}=${secret}`)}`
}

/** A path that begins with a dot would start where the command runs, and here it starts at the platform's storage. */
function elsewhere(request: Submission): Submission {
    const paths = PATHS.flatMap((field) => {
        const path = request[field]
        return typeof path === 'string' ? [[field, path.replace(/^(\.\/+)+(?=.)/, '')]] : []
    })
    return { ...request, ...Object.fromEntries(paths) }
}
