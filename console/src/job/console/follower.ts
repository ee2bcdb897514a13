/**
 * The stream of one console, and how it heals.
 *
 * An EventSource goes on after the last event by itself. When it is refused, this asks why, and begins anew with the last
 * lines: whoever hears it knows by their numbers which ones are new.
 */

import { api, body, Problem } from '@/api/client'
import type { LogTail } from '@/api/schema'
import { LINES_SHOWN } from '@/job/console/rows'

/** `ended`: the job is over, and everything was told. `refused`: trying again would not help. */
export type FollowState = 'connecting' | 'open' | 'lost' | 'ended' | 'refused'

const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 10_000

export class Follower {
    private source: EventSource | null = null
    private retry: ReturnType<typeof setTimeout> | undefined
    private wait = FIRST_RETRY_MS
    private closed = false

    constructor(
        private readonly jobId: string,
        private readonly tell: { tail: (tail: LogTail) => void; state: (state: FollowState, error?: unknown) => void },
    ) {}

    open(): void {
        const source = new EventSource(`/api/v1/jobs/${this.jobId}/logs/follow?paced=true&tail=${LINES_SHOWN}`)
        this.source = source
        source.onopen = () => {
            this.wait = FIRST_RETRY_MS
            this.tell.state('open')
        }
        source.addEventListener('lines', (event: MessageEvent<string>) => {
            this.tell.tail(JSON.parse(event.data) as LogTail)
        })
        source.addEventListener('end', () => {
            this.close()
            this.tell.state('ended')
        })
        source.onerror = () => {
            if (this.closed) return
            this.tell.state('lost')
            if (source.readyState === EventSource.CLOSED) void this.ask()
        }
    }

    close(): void {
        this.closed = true
        this.source?.close()
        clearTimeout(this.retry)
    }

    /** A refused stream doesn't say why; the same question without it does, and waits for a sign-in that has ended. */
    private async ask(): Promise<void> {
        const params = { path: { job_id: this.jobId }, query: { tail: 1 } }
        try {
            await body(api.GET('/api/v1/jobs/{job_id}/logs', { params }))
        } catch (error) {
            if (!this.closed && error instanceof Problem && !error.passes) {
                this.close()
                this.tell.state('refused', error)
            }
        }
        if (this.closed) return
        this.retry = setTimeout(() => this.open(), this.wait)
        this.wait = Math.min(this.wait * 2, LONGEST_RETRY_MS)
    }
}
