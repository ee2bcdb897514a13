/** Jobs and events for tests: only what a test is about needs to be said. */

import type { Job, JobEvent } from '@/api/schema'

export function job(said: Partial<Job> = {}): Job {
    return {
        id: '01JD8F2M5V7Q0R3S6T9W2X4Y8Z',
        name: 'train',
        owner: 'ada',
        vc: 'vision',
        command: 'true',
        image: null,
        env: {},
        data_path: null,
        work_path: null,
        job_path: null,
        checkpoint_path: null,
        device_type: 'v100',
        devices: 4,
        nodes: 1,
        devices_total: 4,
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
        submitted_at: '2026-11-28T08:00:00Z',
        started_at: null,
        finished_at: null,
        exit_code: null,
        attempt: 0,
        version: 1,
        actions: ['pause', 'kill', 'support'],
        warnings: [],
        usage: null,
        blockers: null,
        ...said,
    }
}

/** Jobs whose names are these letters, in this order. */
export function jobs(names: string, said: Partial<Job> = {}): Job[] {
    return Array.from(names, (name) => job({ ...said, id: name, name }))
}

/** What the platform tells when the job has become as `said`. */
export function event(of: Job, said: Partial<Job> = {}): JobEvent {
    const after = { ...of, version: of.version + 1, ...said }
    const {
        id,
        name,
        owner,
        vc,
        device_type,
        devices,
        nodes,
        cpus,
        memory_mib,
        preemptible,
        labels = {},
        version,
    } = after
    const { status, priority, reason, attempt, started_at, finished_at, exit_code } = after
    return {
        specversion: '1.0',
        id: `${id}:${version}`,
        type: 'io.jobyard.job.changed.v1',
        source: '/jobs',
        subject: id,
        time: '2026-11-28T09:00:00Z',
        datacontenttype: 'application/json',
        jobversion: version,
        correlationid: null,
        causationid: null,
        traceparent: null,
        data: {
            actor: { kind: 'user', name: owner, address: null, token: null },
            launch: null,
            previous: null,
            receipt: null,
            usage: null,
            lost_since: null,
            job: {
                ...{ id, name, owner, vc, device_type, devices, nodes, cpus, memory_mib, preemptible, labels, version },
                max_duration_s: after.max_duration_s ?? null,
                grace_period_s: after.grace_period_s,
                submitted_at: after.submitted_at,
                notifies: false,
                endpoints: [],
                interactive_ports: [],
                state: {
                    ...{ status, priority, reason, attempt, started_at, finished_at, exit_code },
                    then: null,
                    allocation: null,
                    due_at: null,
                    not_before: null,
                    failures: 0,
                    losses: 0,
                    refusals: 0,
                    log_lines: 0,
                },
            },
        },
    }
}
