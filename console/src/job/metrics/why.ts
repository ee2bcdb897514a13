/** Why a chart has no line: a key of the catalogue. Pure. Unknown is not zero, and not an error either. */

import type { Job, JobMetrics } from '@/api/schema'
import type { Needs } from '@/job/metrics/families'
import { lives } from '@/job/metrics/ranges'

export type Why =
    | 'notStarted'
    | 'noDevices'
    | 'otherDevices'
    | 'simulated'
    | 'deviceSilent'
    | 'unmeasured'
    | 'ringOnly'
    | 'soon'
    | 'outside'

const HOUR_S = 3600
/** A run's first samples come within seconds. */
const SOON_S = 30

export function why(needs: Needs, job: Job, answer: JobMetrics, now: number): Why {
    if (needs !== 'none') {
        if (job.devices === 0) return 'noDevices'
        if (kindOf(job.device_type) !== needs) return 'otherDevices'
    }
    if (job.attempt === 0 || job.started_at === null) return 'notStarted'
    if (needs !== 'none' && answer.simulated === true) return 'simulated'
    if (answer.series.some((series) => series.kind === 'usage')) return needs === 'none' ? 'unmeasured' : 'deviceSilent'
    if (lives(job) && now - Date.parse(job.started_at ?? '') / 1000 < SOON_S) return 'soon'
    return answer.source === 'ring' && Date.parse(answer.start) / 1000 < now - HOUR_S ? 'ringOnly' : 'outside'
}

/** Whether the devices of this type are GPUs or NPUs: Ascend's are the NPUs that the platform knows. */
export function kindOf(deviceType: string): 'gpu' | 'npu' {
    return /ascend|npu|^910|^310/i.test(deviceType) ? 'npu' : 'gpu'
}
