/** How the rows on the screen and those of a newer answer go together. Pure; a job never goes back to an older version. */

import type { Job } from '@/api/schema'
import type { ColumnKey } from '@/jobs/columns'

type Rows = readonly Job[]

/** The newer answer; a row that an event has brought further than the answer stays so. */
export function upToDate(fresh: Rows, shown: Rows): Job[] {
    const before = new Map(shown.map((job) => [job.id, job]))
    return fresh.map((job) => {
        const seen = before.get(job.id)
        return seen !== undefined && seen.version > job.version ? seen : job
    })
}

/** The rows as they stand, none moved, added or gone, each as new as it is known. */
export function inPlace(shown: Rows, fresh: Rows): Job[] {
    const newer = new Map(fresh.map((job) => [job.id, job]))
    return shown.map((job) => {
        const known = newer.get(job.id)
        return known !== undefined && known.version >= job.version ? known : job
    })
}

/** How many rows would come, go or move if the newer answer were shown. */
export function changes(shown: Rows, fresh: Rows): number {
    const places = new Map(shown.map((job, place) => [job.id, place]))
    const kept = fresh.flatMap((job) => places.get(job.id) ?? [])
    return fresh.length - kept.length + (shown.length - kept.length) + (kept.length - longestRise(kept))
}

/** The columns in which somebody would see a difference. */
export function changedColumns(before: Job, after: Job): ColumnKey[] {
    const found: ColumnKey[] = []
    if (before.status !== after.status || before.reason?.code !== after.reason?.code) found.push('status')
    if (before.priority !== after.priority) found.push('priority')
    if (before.started_at !== after.started_at) found.push('started')
    if (before.finished_at !== after.finished_at) found.push('finished')
    return found
}

/** The length of the longest rising part of the numbers: what can stay where it is while the others move around it. */
function longestRise(numbers: readonly number[]): number {
    const ends: number[] = []
    for (const number of numbers) {
        const place = ends.findIndex((end) => end >= number)
        if (place < 0) ends.push(number)
        else ends[place] = number
    }
    return ends.length
}
