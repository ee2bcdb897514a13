import { expect, it } from 'vitest'
import type { Job } from '@/api/schema'
import { cloneOf } from '@/submit/clone'
import { requestOf } from '@/submit/request'

const ID = '01JD8F2M5V7Q0R3S6T9W2X4Y8Z'

function job(said: Partial<Job>): Job {
    return {
        id: ID,
        name: 'digits',
        owner: 'mia',
        command: 'python train.py',
        vc: 'default',
        devices_total: 0,
        status: 'finished',
        reason: null,
        submitted_at: '2026-11-28T08:00:00Z',
        started_at: null,
        finished_at: null,
        exit_code: 0,
        attempt: 1,
        version: 4,
        job_path: `jobs/${ID}`,
        checkpoint_path: `jobs/${ID}/checkpoints`,
        priority: 100,
        cpus: 1,
        nodes: 1,
        ...said,
    } as Job
}

it('asks for the same again, and leaves to the platform what it had filled in', () => {
    const { draft, unseen } = cloneOf(job({}), 'mia')
    expect(requestOf(draft)).toEqual({ name: 'digits', command: 'python train.py' })
    expect(unseen).toEqual([])
})

it('keeps every field of a submission', () => {
    const said = {
        command: ['python', 'train.py', ''],
        vc: 'vision',
        image: 'python:3.12',
        env: { LR: '0.1', HF: { secret: 'hub' } },
        data_path: 'data',
        work_path: 'work',
        job_path: 'runs/one',
        checkpoint_path: 'kept',
        device_type: 'v100',
        devices: 2,
        cpus: 0.5,
        memory_mib: 512,
        preemptible: true,
        priority: 200,
        max_duration_s: 60,
        grace_period_s: 5,
        retries: 2,
        labels: { team: 'vision' },
        endpoints: ['ssh'] as const,
        interactive_ports: [6006, 8888],
        notify: [{ to: 'mailto:mia@example.org', on: ['started'] }],
    }
    expect(requestOf(cloneOf(job({ ...said, endpoints: ['ssh'] }), 'mia').draft)).toEqual({ name: 'digits', ...said })
})

it('leaves empty what a reader may not see, and names it', () => {
    const withheld = cloneOf(job({ env: { LR: '***' }, owner: 'otto' }), 'mia')
    expect(requestOf(withheld.draft).env).toEqual({ LR: '' })
    expect(withheld.unseen).toEqual(['env', 'notify'])
    const hidden = cloneOf(job({ command: '***', owner: 'otto' }), 'mia')
    expect(requestOf(hidden.draft).command).toBeUndefined()
    expect(hidden.unseen).toEqual(['command'])
})

it("does not take one's own three stars for something hidden", () => {
    const { draft, unseen } = cloneOf(job({ env: { MASK: '***' } }), 'mia')
    expect(requestOf(draft).env).toEqual({ MASK: '***' })
    expect(unseen).toEqual([])
})
