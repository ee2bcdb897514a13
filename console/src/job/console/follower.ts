/**
 * The stream of one console. Whenever it begins anew it begins with the last lines: whoever hears it knows by their
 * numbers which ones are new.
 */

import { api, body, Problem } from '@/api/client'
import type { LogTail } from '@/api/schema'
import { LINES_SHOWN } from '@/job/console/rows'
import { Line } from '@/live/line'

/** `ended`: the job is over, and everything was told. `refused`: trying again would not help. */
export type FollowState = 'connecting' | 'open' | 'lost' | 'ended' | 'refused'

export class Follower {
    private readonly line: Line

    constructor(
        private readonly jobId: string,
        private readonly tell: { tail: (tail: LogTail) => void; state: (state: FollowState, error?: unknown) => void },
    ) {
        this.line = new Line({
            begin: () => new EventSource(`/api/v1/jobs/${jobId}/logs/follow?paced=true&tail=${LINES_SHOWN}`),
            heard: {
                lines: (data) => tell.tail(JSON.parse(data) as LogTail),
                end: () => {
                    this.close()
                    tell.state('ended')
                },
            },
            state: tell.state,
            refused: (still) => this.refused(still),
        })
    }

    open(): void {
        this.line.open()
    }

    close(): void {
        this.line.close()
    }

    /** A refused stream doesn't say why; the same question without it does, and waits for a sign-in that has ended. */
    private async refused(still: () => boolean): Promise<boolean> {
        this.tell.state('lost')
        const params = { path: { job_id: this.jobId }, query: { tail: 1 } }
        try {
            await body(api.GET('/api/v1/jobs/{job_id}/logs', { params }))
        } catch (error) {
            if (error instanceof Problem && !error.passes) {
                if (still()) this.tell.state('refused', error)
                return false
            }
        }
        return true
    }
}
