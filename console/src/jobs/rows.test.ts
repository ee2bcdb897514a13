import { describe, expect, test } from 'vitest'
import { changedColumns, changes, inPlace, upToDate } from '@/jobs/rows'
import { job, jobs } from '@/jobs/samples'

const names = (rows: readonly { id: string }[]) => rows.map(({ id }) => id).join('')

describe('a newer answer', () => {
    test('keeps a row that an event has brought further', () => {
        const shown = jobs('ab', { version: 7, status: 'running' })
        const fresh = upToDate(jobs('cab', { version: 6 }), shown)
        expect(names(fresh)).toBe('cab')
        expect(fresh[1]).toBe(shown[0])
    })

    test('brings rows up to date in place, and moves, adds and removes none', () => {
        const shown = jobs('abc')
        const rows = inPlace(shown, jobs('dca', { version: 2, priority: 5 }))
        expect(names(rows)).toBe('abc')
        expect(rows.map(({ priority }) => priority)).toEqual([5, 100, 5])
    })

    test('of the same version counts: reasons and actions are no changes of the job', () => {
        const [row] = inPlace(jobs('a'), jobs('a', { reason: { code: 'queued', message: 'Waits.', details: {} } }))
        expect(row?.reason?.code).toBe('queued')
    })
})

describe('the changes that are held back', () => {
    test.each([
        ['abc', 'abc', 0],
        ['abc', 'dabc', 1],
        ['abc', 'ab', 1],
        ['abcd', 'bcda', 1],
        ['abc', 'cba', 2],
        ['abc', 'xyz', 6],
        ['', 'ab', 2],
    ])('from %s to %s are %i', (shown, fresh, count) => {
        expect(changes(jobs(shown), jobs(fresh))).toBe(count)
    })
})

test('a column fades in where somebody sees a difference, and not because a place in line has moved up', () => {
    const reason = { code: 'waiting_for_devices', message: '#7', details: { position: 7 } }
    const before = job({ reason })
    expect(changedColumns(before, { ...before, reason: { ...reason, details: { position: 6 } } })).toEqual([])
    expect(changedColumns(before, { ...before, status: 'running', reason: null, started_at: 'now' })).toEqual([
        'status',
        'started',
    ])
    expect(changedColumns(before, { ...before, priority: 1 })).toEqual(['priority'])
})
