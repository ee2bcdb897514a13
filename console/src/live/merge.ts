/** What an event says about a job that a page shows. Pure: older news than what is shown change nothing. */

import type { Job, JobEvent, JobStatus } from '@/api/schema'
import { isOver } from '@/api/statuses'

/**
 * The job as it is after the event; the same object when that is older than what is shown. `actions` belong to the
 * person, so they are reckoned anew by the gateway: until then those stay that the new status may allow.
 */
export function merged(job: Job, event: JobEvent): Job {
    const { state, version, ...view } = event.data.job
    if (view.id !== job.id || version <= job.version) return job
    return {
        ...job,
        ...view,
        ...state,
        endpoints: job.endpoints,
        placement: state.allocation?.shares ?? null,
        version,
        actions: possible(job, state.status),
    }
}

const BEFORE_THE_END = ['queued', 'scheduling', 'running']

/** While a job is being stopped nobody may pause it: whoever may kill it then is taken for one who may. */
function possible({ actions, status: before }: Job, status: JobStatus): Job['actions'] {
    const stopping = before === 'pausing' && actions.includes('kill')
    const mayPause = stopping || actions.includes('pause') || actions.includes('resume')
    return (['pause', 'resume', 'kill', 'support'] as const).filter((action) => {
        if (action === 'pause') return mayPause && BEFORE_THE_END.includes(status)
        if (action === 'resume') return mayPause && status === 'paused'
        return actions.includes(action) && (action === 'support' || !isOver(status))
    })
}
