/** One job of its owner's own, its events and its endpoints, for tests of its page. */

import type { Actor, Endpoint, Job, JobEvent, JobEventData } from '@/api/schema'
import { event, job } from '@/jobs/samples'

export const ID = '01M8H40K25ZHSQ3P2E1C8K265H'
export const OTHER = '01M8H40K9E8P6T1FYWXXTWMVNF'
const NOW = '2026-11-28T13:00:00.000Z'

export function jobWith(changes: Partial<Job> = {}): Job {
    const paths = { job_path: `jobs/${ID}`, checkpoint_path: `jobs/${ID}/checkpoints` }
    const who = { id: ID, name: 'bert', vc: 'default', command: 'python3 train.py', submitted_at: NOW }
    return job({ ...who, ...paths, actions: [], ...changes })
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
    const said = event(jobWith(), { version })
    const { job: after } = said.data
    return {
        ...said,
        type: `io.jobyard.job.${fact}.v1`,
        time: NOW,
        data: { ...said.data, ...data, job: { ...after, state: { ...after.state, ...state } } },
    }
}

export function endpointWith(changes: Partial<Endpoint> & Pick<Endpoint, 'name' | 'kind'>): Endpoint {
    return {
        ...{ job_id: ID, port: null, rank: 0, status: 'ready', url: `http://door/${changes.name}/` },
        ...{ command: `jobyard endpoint open ${ID} ${changes.name}`, reason: null, requested_by: 'ada' },
        ...{ requested_at: NOW, last_used_at: null, last_used_by: null, version: 1 },
        ...changes,
    }
}
