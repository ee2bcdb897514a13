/**
 * A line to the platform: a stream of server-sent events, and how it heals.
 *
 * An EventSource reconnects by itself after a broken connection, and goes on after the last event. It gives up when it
 * is refused, and it does not notice a connection that is half open: nothing comes any more, and nothing ends. So whoever
 * holds the line is asked whether to try again after a refusal, and a line that is silent for longer than the platform
 * has promised (`alive`), or from the beginning, is begun anew.
 */

export interface Ends {
    begin: () => EventSource
    /** What is done with the data of each event, by its name. */
    heard: Record<string, (data: string) => void>
    state: (state: 'open' | 'lost') => void
    /** It was refused: whether to try again. What is known once the line is not `still` the same says nothing. */
    refused: (still: () => boolean) => Promise<boolean>
}

/** `EventSource.CLOSED`. */
const CLOSED = 2
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 10_000
/** So many promised signs of life may stay away. */
const PATIENCE = 2.5
/** So long may a line be silent that has not promised anything yet. */
const FIRST_PATIENCE_MS = 40_000

export class Line {
    private source: EventSource | null = null
    private timer: ReturnType<typeof setTimeout> | undefined
    private wait = FIRST_RETRY_MS
    private patience = FIRST_PATIENCE_MS
    private resting = true
    private turn = 0

    constructor(private readonly ends: Ends) {}

    open(): void {
        if (!this.resting) return
        this.resting = false
        this.begin()
    }

    close(): void {
        this.let()
        this.resting = true
        this.turn++
    }

    /** Don't wait for the next try. */
    hurry(): void {
        this.close()
        this.wait = FIRST_RETRY_MS
        this.open()
    }

    private begin(): void {
        const source = this.ends.begin()
        this.source = source
        source.onopen = () => {
            this.wait = FIRST_RETRY_MS
            this.ends.state('open')
        }
        source.onerror = () => {
            if (source.readyState === CLOSED) void this.ask()
            else this.ends.state('lost')
        }
        for (const [name, heard] of Object.entries({ ...this.ends.heard, alive: this.promised })) {
            source.addEventListener(name, (event: MessageEvent<string>) => {
                heard(event.data)
                if (source === this.source) this.expect()
            })
        }
        this.expect()
    }

    private readonly promised = (data: string): void => {
        this.patience = (JSON.parse(data) as { within_s: number }).within_s * 1000 * PATIENCE
    }

    /** Something came, or is to come. */
    private expect(): void {
        clearTimeout(this.timer)
        this.timer = setTimeout(() => {
            this.let()
            this.ends.state('lost')
            this.begin()
        }, this.patience)
    }

    private async ask(): Promise<void> {
        this.let()
        const turn = this.turn
        const still = () => turn === this.turn
        const again = await this.ends.refused(still)
        if (!still()) return
        this.resting = !again
        if (!again) return
        this.timer = setTimeout(() => this.begin(), this.wait)
        this.wait = Math.min(this.wait * 2, LONGEST_RETRY_MS)
    }

    private let(): void {
        clearTimeout(this.timer)
        this.source?.close()
        this.source = null
    }
}
