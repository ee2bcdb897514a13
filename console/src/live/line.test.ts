import { beforeEach, expect, it, vi } from 'vitest'
import { Line } from '@/live/line'

/** A stream that does what the test says. */
class Stream extends EventTarget {
    onopen: (() => void) | null = null
    onerror: (() => void) | null = null
    readyState = 1

    close() {
        this.readyState = 2
    }

    says(name: string, data: string) {
        this.dispatchEvent(new MessageEvent(name, { data }))
    }

    refuse() {
        this.readyState = 2
        this.onerror?.()
    }
}

const ALIVE = JSON.stringify({ within_s: 10 })

let streams: Stream[]
let states: string[]
let news: string[]
let line: Line

const last = () => streams.at(-1) as Stream

beforeEach(() => {
    vi.useFakeTimers()
    streams = []
    states = []
    news = []
    line = new Line({
        begin: () => {
            streams.push(new Stream())
            return last() as unknown as EventSource
        },
        heard: { news: (data) => news.push(data) },
        state: (state) => states.push(state),
        refused: () => Promise.resolve(true),
    })
    line.open()
    last().onopen?.()
})

it('begins anew when nothing has come for two and a half times as long as was promised', () => {
    last().says('alive', ALIVE)
    vi.advanceTimersByTime(24_999)
    expect(streams).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(streams).toHaveLength(2)
    expect(streams[0]?.readyState).toBe(2)
    last().onopen?.()
    expect(states).toEqual(['open', 'lost', 'open'])
})

it('takes whatever comes for a sign of life', () => {
    last().says('alive', ALIVE)
    for (let turn = 0; turn < 5; turn++) {
        vi.advanceTimersByTime(20_000)
        last().says(turn % 2 ? 'news' : 'alive', ALIVE)
    }
    expect(streams).toHaveLength(1)
    expect(news).toHaveLength(2)
})

it('tries again when the new beginning stays silent as well', () => {
    last().says('alive', ALIVE)
    vi.advanceTimersByTime(3 * 25_000)
    expect(streams).toHaveLength(4)
})

it('begins anew when nothing has come for forty seconds and nothing was promised', () => {
    vi.advanceTimersByTime(39_999)
    expect(streams).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(streams).toHaveLength(2)
})

it('expects nothing after it was closed', () => {
    last().says('alive', ALIVE)
    line.close()
    vi.advanceTimersByTime(3_600_000)
    expect(streams).toHaveLength(1)
})

it('waits longer after each refusal in a row, ten seconds at most', async () => {
    const waits: number[] = []
    for (let turn = 0; turn < 7; turn++) {
        const before = streams.length
        last().refuse()
        await vi.advanceTimersByTimeAsync(0)
        let waited = 0
        while (streams.length === before) {
            await vi.advanceTimersByTimeAsync(500)
            waited += 500
        }
        waits.push(waited)
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000])
})
