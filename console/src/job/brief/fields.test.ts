import { expect, test } from 'vitest'
import { environmentOf } from '@/job/brief/environment'
import { fieldsOf } from '@/job/brief/fields'
import { progressOf, recipient } from '@/job/brief/messages'
import { reportedOf, usedOf } from '@/job/brief/usage'
import { ID, jobWith } from '@/job/samples'

const ONE_NODE = [
    'Job Id',
    'Job Name',
    'VC Name',
    'Docker Image',
    'Command',
    'Data Path',
    'Work Path',
    'Job Path',
    'Preemptible',
    'Device Type',
    'Number of Device',
    'Job Status',
    'Job Submission Time',
]
const USAGE = {
    job_id: ID,
    runs: 2,
    seconds: 125,
    cpu_seconds: null,
    cpu_mean: null,
    memory_peak_bytes: 68_800_512,
    memory_mean_bytes: null,
    network: { receive_bytes: 2048, transmit_bytes: 0, scope: 'run' as const },
    block_read_bytes: null,
    block_write_bytes: null,
    device_hours: 0,
    device_idle_share: 0.5,
    device_measured_share: 1,
    device_utilization_mean: null,
    device_memory_peak_bytes: null,
    reported: { loss: 0.123456789, accuracy: 1 },
    not_finite: [],
    memory_bytes: null,
    dropped: 0,
    live: false,
    updated_at: null,
}

test('BRIEF has the fields of the manual, in its order', () => {
    expect(fieldsOf(jobWith()).map(({ term }) => term)).toEqual(ONE_NODE)
})

test('with several nodes it tells how many, and all their devices', () => {
    const fields = fieldsOf(jobWith({ nodes: 2, devices: 4, devices_total: 8 }))
    const devices = fields.slice(10, 13).map(({ term, text }) => [term, text])
    expect(devices).toEqual([
        ['Number of Device', 4],
        ['Number of Nodes', 2],
        ['Total of Device', 8],
    ])
})

test('a command of several arguments can be pasted into a shell', () => {
    const [, , , , command] = fieldsOf(jobWith({ command: ['python3', 'a b.py', "it's"] }))
    expect(command?.text).toBe(`python3 'a b.py' 'it'"'"'s'`)
})

test('a command that would steer a terminal is shown and copied as a word that shows it', () => {
    const commands = ['echo \x1b[2J\r', ['echo', '\x1b[2J\r']].map(
        (command) => fieldsOf(jobWith({ command })).find(({ term }) => term === 'Command')?.text,
    )
    expect(commands).toEqual(["$'echo \\x1b[2J\\x0d'", "echo $'\\x1b[2J\\x0d'"])
})

test('of a job of a closed virtual cluster the command and the paths are withheld', () => {
    const fields = fieldsOf(jobWith({ command: '***', job_path: null }))
    expect(fields.filter(({ hidden }) => hidden).map(({ term }) => term)).toEqual([
        'Command',
        'Data Path',
        'Work Path',
        'Job Path',
    ])
})

test('the environment shows values, names of secrets, and what is withheld', () => {
    const env = { LR: '0.1', KEY: { secret: 'wandb' }, EMPTY: '', HIDDEN: '***' }
    expect(environmentOf({ env })).toEqual([
        { name: 'EMPTY', value: '', secret: null },
        { name: 'HIDDEN', value: null, secret: null },
        { name: 'KEY', value: null, secret: 'wandb' },
        { name: 'LR', value: '0.1', secret: null },
    ])
})

test('usage tells what was measured and leaves out the rest', () => {
    expect(usedOf(USAGE, 'en')).toEqual([
        { name: 'ranFor', text: '2 min 05 s' },
        { name: 'runs', text: '2' },
        { name: 'memoryPeak', text: '65.6 MiB' },
        { name: 'network', text: '↓ 2 KiB · ↑ 0 B' },
        { name: 'deviceIdle', text: '50 %' },
    ])
})

test('a reported value that diverged is said to be NaN', () => {
    expect(reportedOf({ ...USAGE, not_finite: ['loss'] })).toEqual([
        { name: 'accuracy', text: '1' },
        { name: 'loss', text: 'NaN' },
    ])
})

test('a message is on its way, tried again, sent, written to a file, or given up', () => {
    const message = { status: 'waiting', tries: 1, last_error: null, next_try: null, file: null } as const
    expect([
        progressOf(message),
        progressOf({ ...message, last_error: 'refused' }),
        progressOf({ ...message, status: 'sent' }),
        progressOf({ ...message, status: 'sent', file: 'mail/a.eml' }),
        progressOf({ ...message, status: 'failed' }),
    ]).toEqual(['underWay', 'retried', 'sent', 'filed', 'failed'])
    expect([recipient('mailto:ada@example.org'), recipient('https://x/y')]).toEqual(['ada@example.org', 'https://x/y'])
})
