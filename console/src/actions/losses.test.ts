import { describe, expect, test } from 'vitest'
import { loss, minutes } from '@/actions/losses'
import { job } from '@/jobs/samples'

const START = Date.parse('2026-11-28T08:00:00Z')
const MINUTE = 60_000
const running = job({ status: 'running', started_at: '2026-11-28T08:00:00Z', devices_total: 8 })

describe('what stopping a job loses', () => {
    test('is nothing when it is not running', () => {
        expect(loss(job({ status: 'queued' }), 'unknown', START)).toEqual({ kind: 'nothing' })
        expect(loss(job({ status: 'paused', started_at: running.started_at }), 'none', START)).toEqual({
            kind: 'nothing',
        })
    })

    test('is what it did since its last checkpoint, times what it holds', () => {
        const lost = loss(running, START + 10 * MINUTE, START + 22 * MINUTE)
        expect(lost).toEqual({ kind: 'since', since: START + 10 * MINUTE, held: 8, unit: 'device', minutes: 96 })
    })

    test('is all it did when it has written none, or only before this start', () => {
        for (const checkpoint of ['none', START - MINUTE] as const)
            expect(loss(running, checkpoint, START + 2 * MINUTE)).toMatchObject({
                kind: 'all',
                since: START,
                minutes: 16,
            })
    })

    test('is said to be unknown where it is, and never taken for nothing', () => {
        expect(loss(running, 'unknown', START + MINUTE)).toEqual({
            kind: 'unknown',
            since: START,
            held: 8,
            unit: 'device',
        })
    })

    test('counts CPUs of a job without devices', () => {
        const lost = loss({ ...running, devices_total: 0, cpus: 2, nodes: 3 }, 'none', START + MINUTE)
        expect(lost).toMatchObject({ held: 6, unit: 'cpu', minutes: 6 })
    })
})

test('minutes are no more precise than they are worth', () => {
    expect([minutes(0.44), minutes(9.96), minutes(12.4), minutes(960.7)]).toEqual(['0.4', '10', '12', '961'])
})
