/**
 * The one event stream of a browser, and how it heals.
 *
 * An EventSource reconnects by itself after a broken connection, and goes on after the last event. It gives up when it
 * is refused (the gateway starts, too many streams, the sign-in has ended): then this asks why, and tries again.
 *
 * Whatever happened before a stream began is unknown to it, so each beginning is told as a `reset`: who shows something
 * fetches it anew.
 */

import type { JobEvent } from '@/api/schema'

export type ConnectionState = 'connecting' | 'open' | 'lost' | 'expired'

/** What pages hear: a change of a job, that positions may have moved, that events were missed, or how the line is. */
export type Heard =
    | { kind: 'event'; event: JobEvent }
    | { kind: 'queue' }
    | { kind: 'reset' }
    | { kind: 'state'; state: ConnectionState }

/** `EventSource.CLOSED`. */
const CLOSED = 2
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 10_000

export class Connection {
    state: ConnectionState = 'connecting'
    private source: EventSource | null = null
    private retry: ReturnType<typeof setTimeout> | null = null
    private wait = FIRST_RETRY_MS
    private asking = false
    private turn = 0

    /** `begin`: opens a stream. `status`: what the gateway says of the sign-in, 0 where nobody answers. */
    constructor(
        private readonly tell: (heard: Heard) => void,
        private readonly begin: () => EventSource = () => new EventSource('/api/v1/events'),
        private readonly status: () => Promise<number> = ofSignIn,
    ) {}

    open(): void {
        if (this.source !== null || this.retry !== null || this.asking) return
        const source = this.begin()
        this.source = source
        source.onopen = () => {
            this.wait = FIRST_RETRY_MS
            this.become('open')
        }
        source.onmessage = (message: MessageEvent<string>) => {
            this.tell({ kind: 'event', event: JSON.parse(message.data) as JobEvent })
        }
        source.addEventListener('queue', () => this.tell({ kind: 'queue' }))
        source.addEventListener('reset', () => this.tell({ kind: 'reset' }))
        source.onerror = () => {
            if (source.readyState === CLOSED) void this.refused()
            else this.become('lost')
        }
    }

    close(): void {
        this.source?.close()
        this.source = null
        if (this.retry !== null) clearTimeout(this.retry)
        this.retry = null
        this.asking = false
        this.state = 'connecting'
        this.turn++
    }

    /** Somebody signed in, or the network is back: don't wait for the next try. */
    hurry(): void {
        if (this.state === 'open') return
        this.close()
        this.wait = FIRST_RETRY_MS
        this.open()
    }

    private async refused(): Promise<void> {
        this.source?.close()
        this.source = null
        const turn = this.turn
        this.asking = true
        const status = await this.status()
        if (turn !== this.turn) return
        this.asking = false
        this.become(status === 401 ? 'expired' : 'lost')
        if (status === 401) return
        this.retry = setTimeout(() => {
            this.retry = null
            this.open()
        }, this.wait)
        this.wait = Math.min(this.wait * 2, LONGEST_RETRY_MS)
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
