/**
 * Opens a way into a job in a new tab, signed in. The tab is opened within the click, so that no browser takes it for an
 * unwanted one; the ticket that lets it in follows, counts once, and leads nobody back here.
 */

import { api, body } from '@/api/client'

/** Throws a Problem, after it closed the tab again. `'blocked'`: the browser would not open one. */
export async function openInTab(jobId: string, name: string, waiting: string): Promise<'opened' | 'blocked'> {
    const tab = window.open('about:blank', '_blank')
    if (tab === null) return 'blocked'
    tab.document.title = waiting
    try {
        const params = { path: { job_id: jobId, name } }
        const { url } = await body(api.POST('/api/v1/jobs/{job_id}/endpoints/{name}/ticket', { params }))
        tab.opener = null
        tab.location.replace(url)
        return 'opened'
    } catch (error) {
        tab.close()
        throw error
    }
}
