/**
 * What a change of a job means for the list on the screen. Pure: nothing is asked for here, and no row moves.
 *
 * An event brings a row up to date where it stands. Which rows there are, and where, only the gateway knows: what may
 * have changed that makes the page due to be fetched again.
 */

import type { Job, JobEvent, JobStatus } from '@/api/schema'
import { merged } from '@/live/merge'
import { statusesOf, type ListView } from '@/jobs/view'

type Page = readonly Job[]

/** Orders that never change in a job's life. */
const LASTING = ['id', 'name', 'devices', 'preemptible', 'submitted', 'user']

/** What an event can't tell of them: why a job waits, and whether this person may resume it. */
const ASKED_FOR: readonly JobStatus[] = ['queued', 'paused']

/** The rows after the event, the same ones where it is old news, and whether the page may be another now. */
export function heard(view: ListView, rows: Page, event: JobEvent, me: string): { rows: Page; due: boolean } {
    const { job } = event.data
    const place = rows.findIndex(({ id }) => id === job.id)
    const row = rows[place]
    if (row === undefined) return { rows, due: concerns(view, event, me) && mayShift(view, event) }
    const after = merged(row, event)
    if (after === row) return { rows, due: false }
    return { rows: rows.with(place, after), due: moves(view, row, after) }
}

/** Whether a job of this kind may be in the list at all, by what never changes of it. */
function concerns(view: ListView, event: JobEvent, me: string): boolean {
    const { job } = event.data
    if (view.scope === 'mine' ? job.owner !== me : view.owner !== '' && job.owner !== view.owner) return false
    if (view.vc && job.vc !== view.vc) return false
    if (view.deviceType && job.device_type !== view.deviceType) return false
    if (view.preemptible !== null && job.preemptible !== view.preemptible) return false
    if (view.q && job.id !== view.q.toUpperCase() && !job.name.toLowerCase().startsWith(view.q.toLowerCase()))
        return false
    return view.label.every((label) => {
        const [key = '', value] = label.split(/=(.*)/)
        return job.labels[key] === value
    })
}

/** Whether a job that is not on the page may come onto it, or push others about, with this event. */
function mayShift(view: ListView, event: JobEvent): boolean {
    const born = event.data.job.version === 1
    return born || statusesOf(view) !== null || !LASTING.includes(column(view))
}

/** Whether a row of the page may stand elsewhere now, or not at all, or lacks what no event brings. */
function moves(view: ListView, before: Job, after: Job): boolean {
    const statuses = statusesOf(view)
    if (statuses !== null && statuses.includes(before.status) !== statuses.includes(after.status)) return true
    if (after.status !== before.status && ASKED_FOR.includes(after.status)) return true
    return key(view, before) !== key(view, after)
}

function key(view: ListView, job: Job): unknown {
    if (column(view) === 'status') return job.status
    if (column(view) === 'priority') return job.priority
    if (column(view) === 'started') return job.started_at
    return column(view) === 'finished' ? job.finished_at : null
}

function column(view: ListView): string {
    return view.sort.replace('-', '')
}
