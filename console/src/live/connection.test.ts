import { beforeEach, expect, it, vi } from 'vitest'
import { Connection, type Heard } from '@/live/connection'

/** A stream that does what the test says. */
class Stream {
    onopen: (() => void) | null = null
    onerror: (() => void) | null = null
    onmessage: ((message: { data: string }) => void) | null = null
    readyState = 0
    closed = false

    addEventListener() {
        // Named events are for the browser tests.
    }

    close() {
        this.closed = true
        this.readyState = 2
    }

    refuse() {
        this.readyState = 2
        this.onerror?.()
    }
}

let streams: Stream[]
let heard: Heard[]
let status: number
let connection: Connection

const last = () => streams.at(-1) as Stream
const resets = () => heard.filter(({ kind }) => kind === 'reset').length

beforeEach(() => {
    vi.useFakeTimers()
    streams = []
    heard = []
    status = 200
    const begin = () => {
        streams.push(new Stream())
        return last() as unknown as EventSource
    }
    connection = new Connection(
        (what) => heard.push(what),
        begin,
        () => Promise.resolve(status),
    )
})

it('says with every beginning that what was shown may be old', () => {
    connection.open('mia')
    last().onopen?.()
    expect(connection.state).toBe('open')
    expect(resets()).toBe(1)
    last().onerror?.()
    expect(connection.state).toBe('lost')
    last().onopen?.()
    expect(resets()).toBe(2)
})

it('opens anew after it was closed, whoever signs in next', () => {
    connection.open('mia')
    last().onopen?.()
    connection.close()
    expect(last().closed).toBe(true)
    connection.hurry('mia')
    expect(streams).toHaveLength(2)
    last().onopen?.()
    expect(connection.state).toBe('open')
})

it('begins anew for somebody else, and not for another tab of the same person', () => {
    connection.open('mia')
    last().onopen?.()
    connection.open('mia')
    connection.hurry('mia')
    expect(streams).toHaveLength(1)
    connection.hurry('vera')
    expect(streams.map(({ closed }) => closed)).toEqual([true, false])
    last().onopen?.()
    expect(resets()).toBe(2)
    connection.open('mia')
    expect(streams.map(({ closed }) => closed)).toEqual([true, true, false])
})

it('asks why it was refused, and tries again after a while', async () => {
    status = 503
    connection.open('mia')
    last().refuse()
    await vi.advanceTimersByTimeAsync(0)
    expect(connection.state).toBe('lost')
    expect(streams).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(500)
    expect(streams).toHaveLength(2)
})

it('waits for a new sign-in once the old one has ended', async () => {
    status = 401
    connection.open('mia')
    last().refuse()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(connection.state).toBe('expired')
    expect(streams).toHaveLength(1)
    connection.hurry('mia')
    last().onopen?.()
    expect(connection.state).toBe('open')
})

it('lets an answer be that comes after somebody has hurried it', async () => {
    status = 401
    connection.open('mia')
    last().refuse()
    connection.hurry('mia')
    last().onopen?.()
    await vi.advanceTimersByTimeAsync(0)
    expect(connection.state).toBe('open')
    expect(streams).toHaveLength(2)
})
