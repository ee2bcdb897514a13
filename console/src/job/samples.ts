/** Jobs and events as the gateway tells them, for tests. */

import type { Actor, Endpoint, Job, JobEvent, JobEventData } from '@/api/schema'

export const ID = '01M8H40K25ZHSQ3P2E1C8K265H'
export const OTHER = '01M8H40K9E8P6T1FYWXXTWMVNF'

export function jobWith(changes: Partial<Job> = {}): Job {
    return {
        id: ID,
        name: 'bert',
        owner: 'ada',
        vc: 'default',
        command: 'python3 train.py',
        image: null,
        env: {},
        data_path: null,
        work_path: null,
        job_path: `jobs/${ID}`,
        checkpoint_path: `jobs/${ID}/checkpoints`,
        device_type: 'v100',
        devices: 4,
        devices_total: 4,
        nodes: 1,
        cpus: 1,
        memory_mib: 0,
        preemptible: false,
        priority: 100,
        max_duration_s: null,
        grace_period_s: 30,
        retries: 0,
        labels: {},
        endpoints: [],
        interactive_ports: [],
        notify: [],
        status: 'queued',
        reason: null,
        submitted_at: '2026-11-28T13:00:00.000Z',
        started_at: null,
        finished_at: null,
        exit_code: null,
        attempt: 0,
        version: 1,
        actions: [],
        warnings: [],
        usage: null,
        ...changes,
    }
}

export function actor(kind: Actor['kind'], name: string): Actor {
    return { kind, name, address: null, token: null }
}

type State = JobEventData['job']['state']

export function eventOf(
    fact: string,
    version: number,
    state: Partial<State> & Pick<State, 'status'>,
    data: Partial<JobEventData> = {},
): JobEvent {
    const { name, owner, vc, device_type, devices, nodes, cpus, memory_mib, preemptible } = jobWith()
    return {
        specversion: '1.0',
        id: `${ID}:${version}`,
        type: `io.jobyard.job.${fact}.v1`,
        source: '/jobs',
        subject: ID,
        time: '2026-11-28T13:00:00.000Z',
        datacontenttype: 'application/json',
        jobversion: version,
        correlationid: null,
        causationid: null,
        traceparent: null,
        data: {
            actor: actor('user', 'ada'),
            launch: null,
            previous: null,
            receipt: null,
            usage: null,
            lost_since: null,
            ...data,
            job: {
                ...{ id: ID, name, owner, vc, device_type, devices, nodes, cpus, memory_mib, preemptible },
                ...{ max_duration_s: null, grace_period_s: 30, labels: {}, submitted_at: '2026-11-28T13:00:00.000Z' },
                ...{ version, notifies: false, endpoints: [], interactive_ports: [] },
                state: {
                    ...{ priority: 100, reason: null, then: null, attempt: 0, allocation: null, started_at: null },
                    ...{ finished_at: null, exit_code: null, due_at: null, not_before: null },
                    ...{ failures: 0, losses: 0, log_lines: 0 },
                    ...state,
                },
            },
        },
    }
}

export function endpointWith(changes: Partial<Endpoint> & Pick<Endpoint, 'name' | 'kind'>): Endpoint {
    return {
        ...{ job_id: ID, port: null, rank: 0, status: 'ready', url: `http://door/${changes.name}/` },
        ...{ command: `jobyard endpoint open ${ID} ${changes.name}`, reason: null, requested_by: 'ada' },
        ...{ requested_at: '2026-11-28T13:00:00.000Z', last_used_at: null, last_used_by: null, version: 1 },
        ...changes,
    }
}
