/**
 * The one event stream of a browser: what it tells, and whether it still may.
 *
 * Where it is refused (the gateway starts, too many streams, the sign-in has ended), this asks why, and tries again.
 *
 * Whatever happened before a stream began is unknown to it, so each beginning is told as a `reset`: who shows something
 * fetches it anew.
 */

import type { JobEvent } from '@/api/schema'
import { Line } from '@/live/line'

export type ConnectionState = 'connecting' | 'open' | 'lost' | 'expired'

/** What pages hear: a change of a job, that positions may have moved, that a node fell silent or came back, that events were missed, or how the line is. */
export type Heard =
    | { kind: 'event'; event: JobEvent }
    | { kind: 'queue' }
    | { kind: 'nodes' }
    | { kind: 'reset' }
    | { kind: 'state'; state: ConnectionState }

export class Connection {
    state: ConnectionState = 'connecting'
    private readonly line: Line
    private person = ''

    /** `begin`: opens a stream. `status`: what the gateway says of the sign-in, 0 where nobody answers. */
    constructor(
        private readonly tell: (heard: Heard) => void,
        begin: () => EventSource = () => new EventSource('/api/v1/events'),
        private readonly status: () => Promise<number> = ofSignIn,
    ) {
        this.line = new Line({
            begin,
            heard: {
                message: (data) => tell({ kind: 'event', event: JSON.parse(data) as JobEvent }),
                queue: () => tell({ kind: 'queue' }),
                nodes: () => tell({ kind: 'nodes' }),
                reset: () => tell({ kind: 'reset' }),
            },
            state: (state) => this.become(state),
            refused: (still) => this.refused(still),
        })
    }

    /** For whoever is signed in: a stream that was opened for somebody else ends. */
    open(person: string): void {
        if (person !== this.person) this.close()
        this.person = person
        this.line.open()
    }

    close(): void {
        this.line.close()
        this.state = 'connecting'
    }

    /** Somebody signed in, or the network is back: don't wait for the next try. */
    hurry(person: string): void {
        if (this.state === 'open' && person === this.person) return
        this.person = person
        this.state = 'connecting'
        this.line.hurry()
    }

    private async refused(still: () => boolean): Promise<boolean> {
        const status = await this.status()
        if (still()) this.become(status === 401 ? 'expired' : 'lost')
        return status !== 401
    }

    private become(state: ConnectionState): void {
        const begins = state === 'open' && this.state !== 'open'
        this.state = state
        this.tell({ kind: 'state', state })
        if (begins) this.tell({ kind: 'reset' })
    }
}

async function ofSignIn(): Promise<number> {
    const answer = await fetch('/api/v1/me', { credentials: 'same-origin' }).catch(() => null)
    return answer?.status ?? 0
}
