/**
 * Does to a job what somebody wishes, and follows it until its outcome has arrived.
 *
 * A wish counts as pending from the press of the button until the job is where it leads, as an answer or an event of
 * the platform says; then that is said, once. Jobs that are acted on together are followed without words: their
 * summary has said what became of each.
 */

import { onScopeDispose, reactive } from 'vue'
import { arrival, type Wish } from '@/actions/wishes'
import { api, body, Problem } from '@/api/client'
import type { Job, JobEvent, JobStatus, Receipt } from '@/api/schema'
import { i18n } from '@/locales/i18n'
import { minutes } from '@/actions/losses'
import { givenUp, sentence } from '@/ui/problems'
import { say } from '@/ui/toasts'

type Pending = { wish: Wish; name: string; silent: boolean }

const pending = reactive(new Map<string, Pending>())
const listeners = new Set<(job: Job) => void>()

/** What is under way with this job. */
export function pendingWish(id: string): Wish | null {
    return pending.get(id)?.wish ?? null
}

/** The same of the last job that something was asked of, in words for those who don't see its button. */
export function lastPending(): string {
    const last = Array.from(pending.values()).at(-1)
    return last === undefined ? '' : i18n.global.t('actions.pending', { action: last.wish, name: last.name })
}

/** Hear the jobs of the gateway's answers, which are newer than what is shown and know what the caller may do next. */
export function useAnswers(listener: (job: Job) => void): void {
    listeners.add(listener)
    onScopeDispose(() => listeners.delete(listener))
}

/** Tell those who show the job. */
export function answered(job: Job): void {
    listeners.forEach((listener) => listener(job))
    settle(job.id, job.status)
}

/** Ask for it. What is refused is said; nothing is thrown. */
export async function act(job: Pick<Job, 'id' | 'name'>, wish: Wish): Promise<void> {
    if (pendingWish(job.id) === wish) return
    pending.set(job.id, { wish, name: job.name, silent: false })
    const mine = pending.get(job.id)
    try {
        answered(await body(asked(job.id, wish)))
    } catch (error) {
        // A kill may have been asked for meanwhile: it goes on.
        if (pending.get(job.id) === mine) pending.delete(job.id)
        if (!givenUp(error)) say(sentence(error), 'problem')
    }
}

/** These are asked for together: known before they are sent, since their news may come before the answer. */
export function followed(jobs: readonly Pick<Job, 'id' | 'name' | 'status'>[], wish: Wish): void {
    for (const { id, name, status } of jobs)
        if (arrival(wish, status) === 'under way') pending.set(id, { wish, name, silent: true })
}

/** These were refused, or never asked for. */
export function unfollowed(ids: readonly string[]): void {
    ids.forEach((id) => pending.delete(id))
}

/** Somebody else is here now. */
export function forgetPending(): void {
    pending.clear()
}

/** News of a job: its wish may have arrived. */
export function noticed(event: JobEvent): void {
    const { job, receipt } = event.data
    settle(job.id, job.state.status, receipt ?? null)
}

/** News were missed: ask for the jobs that something is under way with. */
export async function askAgain(): Promise<void> {
    for (const id of pending.keys()) {
        try {
            answered(await body(api.GET('/api/v1/jobs/{job_id}', { params: { path: { job_id: id } } })))
        } catch (error) {
            if (!(error instanceof Problem && error.passes)) pending.delete(id)
        }
    }
}

function asked(id: string, wish: Wish) {
    const params = { params: { path: { job_id: id } } }
    if (wish === 'pause') return api.POST('/api/v1/jobs/{job_id}/pause', params)
    if (wish === 'resume') return api.POST('/api/v1/jobs/{job_id}/resume', params)
    return api.POST('/api/v1/jobs/{job_id}/kill', params)
}

function settle(id: string, status: JobStatus, receipt: Receipt | null = null): void {
    const open = pending.get(id)
    if (open === undefined || arrival(open.wish, status) === 'under way') return
    pending.delete(id)
    if (!open.silent) say(outcome(open, status, receipt))
}

function outcome({ wish, name }: Pending, status: JobStatus, receipt: Receipt | null): string {
    const { t } = i18n.global
    if (arrival(wish, status) === 'elsewhere') return t('actions.outcome.elsewhere', { name, status })
    const said = t(`actions.outcome.${wish}`, { name, status })
    if (receipt === null || receipt.minutes_lost === 0) return said
    return said + t(`actions.outcome.lost.${receipt.unit}`, { minutes: minutes(receipt.minutes_lost) })
}
