import { describe, expect, it } from 'vitest'
import {
    asked,
    firstRange,
    follows,
    fromLocalInput,
    localInput,
    pauseMs,
    read,
    spanned,
    written,
} from '@/job/metrics/ranges'

const SUBMITTED = 1_795_856_400
const iso = (seconds: number) => new Date(seconds * 1000).toISOString()
const RUNS = {
    status: 'running',
    submitted_at: iso(SUBMITTED),
    started_at: iso(SUBMITTED + 60),
    finished_at: null,
    attempt: 1,
} as const
const OVER = { ...RUNS, status: 'finished', finished_at: iso(SUBMITTED + 90_000) } as const
const NOW = SUBMITTED + 200_000

describe('the time that charts show', () => {
    it('is the last hour of a job that runs, and all of one that is over', () => {
        expect(firstRange(RUNS)).toEqual({ kind: '1h' })
        expect(firstRange(OVER)).toEqual({ kind: 'life' })
        expect(firstRange({ status: 'paused' })).toEqual({ kind: 'life' })
    })

    it('ends now while the job runs, and with the job when it is over', () => {
        expect(asked({ kind: '15m' }, RUNS, NOW)).toEqual({ start: String(NOW - 900) })
        expect(asked({ kind: '6h' }, OVER, NOW)).toEqual({ start: String(SUBMITTED + 90_000 - 21_600) })
    })

    it('never begins before the job', () => {
        const began = String(SUBMITTED + 60)
        expect(asked({ kind: '24h' }, RUNS, SUBMITTED + 600)).toEqual({ start: began })
        expect(asked({ kind: 'life' }, OVER, NOW)).toEqual({ start: began })
    })

    it('spans all of the hours that were chosen, however short the job is', () => {
        expect(spanned({ kind: '1h' }, NOW - 60, NOW)).toEqual({ from: NOW - 3600, to: NOW })
        expect(spanned({ kind: 'life' }, NOW - 60, NOW)).toEqual({ from: NOW - 60, to: NOW })
        expect(spanned({ kind: 'custom', from: 10, to: 20 }, 10, 20)).toEqual({ from: 10, to: 20 })
    })

    it('begins with the submission where the first attempt is not the last', () => {
        expect(asked({ kind: 'life' }, { ...OVER, attempt: 2 }, NOW)).toEqual({ start: String(SUBMITTED) })
    })

    it('is any other that somebody chose', () => {
        const range = { kind: 'custom', from: 10, to: 20 } as const
        expect(asked(range, RUNS, NOW)).toEqual({ start: '10', end: '20' })
        expect(follows(range, RUNS)).toBe(false)
        expect(follows({ kind: '1h' }, RUNS)).toBe(true)
        expect(follows({ kind: '1h' }, OVER)).toBe(false)
    })

    it('is asked for again as often as there is something new', () => {
        expect(pauseMs(1)).toBe(5000)
        expect(pauseMs(15)).toBe(15_000)
        expect(pauseMs(3600)).toBe(60_000)
    })

    it('stands in the address', () => {
        for (const range of [{ kind: '6h' }, { kind: 'life' }, { kind: 'custom', from: 10, to: 20 }] as const)
            expect(read(written(range))).toEqual(range)
        for (const wrong of ['', '7h', '20-10', '-1-2', '1-2-3', '1e3-2e3', 'toString', null, ['1h'], undefined])
            expect(read(wrong)).toBeNull()
    })

    it('is typed in the zone of the browser', () => {
        const minute = 1_795_856_400
        expect(fromLocalInput(localInput(minute))).toBe(minute)
        expect(fromLocalInput('')).toBeNull()
        expect(fromLocalInput('1969-01-01T00:00')).toBeNull()
    })
})
