/**
 * The one event stream of a browser, and how it heals.
 *
 * An EventSource reconnects by itself after a broken connection, and goes on after the last event. It gives up when it
 * is refused (the gateway starts, too many streams, the sign-in has ended): then this asks why, and tries again.
 */

import type { JobEvent } from '@/api/schema'

export type ConnectionState = 'connecting' | 'open' | 'lost' | 'expired'

/** What pages hear: a change of a job, that positions may have moved, that events were missed, or how the line is. */
export type Heard =
    | { kind: 'event'; event: JobEvent }
    | { kind: 'queue' }
    | { kind: 'reset' }
    | { kind: 'state'; state: ConnectionState }

const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 10_000

export class Connection {
    state: ConnectionState = 'connecting'
    private source: EventSource | null = null
    private retry: ReturnType<typeof setTimeout> | null = null
    private wait = FIRST_RETRY_MS
    private wasOpen = false

    constructor(private readonly tell: (heard: Heard) => void) {}

    open(): void {
        if (this.source !== null || this.retry !== null) return
        const source = new EventSource('/api/v1/events')
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
            if (source.readyState === EventSource.CLOSED) void this.refused()
            else this.become('lost')
        }
    }

    close(): void {
        this.source?.close()
        this.source = null
        if (this.retry !== null) clearTimeout(this.retry)
        this.retry = null
        this.wasOpen = false
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
        const status = await fetch('/api/v1/me', { credentials: 'same-origin' }).then(
            (answer) => answer.status,
            () => 0,
        )
        this.become(status === 401 ? 'expired' : 'lost')
        if (status === 401) return
        this.retry = setTimeout(() => {
            this.retry = null
            this.open()
        }, this.wait)
        this.wait = Math.min(this.wait * 2, LONGEST_RETRY_MS)
    }

    /** A new stream after a refusal starts from now: what happened in between has to be fetched. */
    private become(state: ConnectionState): void {
        if (state === 'open') {
            if (this.wasOpen && this.state !== 'open') this.tell({ kind: 'reset' })
            this.wasOpen = true
        }
        this.state = state
        this.tell({ kind: 'state', state })
    }
}
