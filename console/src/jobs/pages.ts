/**
 * Asks for a page of a list.
 *
 * Where few jobs of a long list match, the gateway answers with what it has found so far, perhaps nothing, and where to
 * go on: the first page is asked for until it is full, or long enough.
 */

import { api, body } from '@/api/client'
import type { JobPage } from '@/api/schema'
import { ROWS, type Params } from '@/jobs/view'

const MOST_ASKED = 5

export async function fetchPage(params: Params, signal: AbortSignal): Promise<JobPage> {
    let page = await ask(params, signal)
    for (let asked = 1; asked < MOST_ASKED && goesOn(params, page); asked++) {
        const rest = { ...params, limit: ROWS - page.items.length, cursor: page.next_cursor }
        page = joined(page, await ask(rest, signal))
    }
    return page
}

/** Not for another page than the first: from there one may be on the way back. */
export function goesOn(params: Params, page: JobPage): boolean {
    return !params.cursor && page.items.length < ROWS && page.next_cursor !== null
}

/** One page made of two that follow one another. */
export function joined(first: JobPage, next: JobPage): JobPage {
    const items = [...first.items, ...next.items]
    return { ...first, items, total: Math.max(first.total, items.length), next_cursor: next.next_cursor }
}

function ask(params: Params, signal: AbortSignal): Promise<JobPage> {
    return body(api.GET('/api/v1/jobs', { params: { query: params }, signal }))
}
