import { describe, expect, test } from 'vitest'
import { heard } from '@/jobs/news'
import { event, job, jobs } from '@/jobs/samples'
import { viewOf, type AddressQuery, type Scope } from '@/jobs/view'

const ME = 'ada'
const b = job({ id: 'b', name: 'b' })

function due(scope: Scope, query: AddressQuery, about: ReturnType<typeof event>, rows = jobs('abc')) {
    return heard(viewOf(scope, query), rows, about, ME).due
}

describe('a row of the page', () => {
    test('is brought up to date where it stands', () => {
        const before = jobs('abc')
        const { rows } = heard(viewOf('mine', {}), before, event(b, { status: 'running' }), ME)
        expect(rows.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
        expect(rows[1]).toMatchObject({ status: 'running', version: 2 })
        expect(rows[0]).toBe(before[0])
    })

    test('stays as it is when the news are older than it', () => {
        const before = jobs('abc', { version: 5, status: 'running' })
        const { rows, due } = heard(viewOf('mine', {}), before, event(b, { version: 4, status: 'queued' }), ME)
        expect(rows).toBe(before)
        expect(due).toBe(false)
    })

    test('that leaves the list makes the page due', () => {
        expect(due('all', {}, event(b, { status: 'running' }))).toBe(true)
        expect(due('all', { running: 'true' }, event(b, { status: 'running' }))).toBe(false)
        expect(due('mine', { status: 'queued' }, event(b, { status: 'killed' }))).toBe(true)
    })

    test('that may stand elsewhere in the order makes the page due', () => {
        expect(due('all', {}, event(b, { priority: 900 }))).toBe(true)
        expect(due('mine', {}, event(b, { priority: 900 }))).toBe(false)
        expect(
            due('mine', { sort: 'started' }, event(b, { status: 'running', started_at: '2026-11-28T09:00:00Z' })),
        ).toBe(true)
    })

    test('that is paused now is due for what one may do to it', () => {
        expect(due('mine', {}, event({ ...b, status: 'pausing' }, { status: 'paused' }))).toBe(true)
        expect(due('mine', {}, event({ ...b, status: 'running' }, { status: 'pausing' }))).toBe(false)
    })

    test('that is queued again is due for the reason why, which no event brings', () => {
        const rows = jobs('abc', { status: 'paused' })
        expect(due('mine', {}, event({ ...b, status: 'paused' }, { status: 'queued' }), rows)).toBe(true)
    })
})

describe('a job that is not on the page', () => {
    const born = event(job({ id: 'new', version: 0 }))
    const older = event(job({ id: 'old', version: 6, status: 'queued' }), { status: 'running' })

    test('makes the page due when it is submitted', () => {
        expect(due('mine', {}, born)).toBe(true)
        expect(due('all', {}, born)).toBe(true)
    })

    test('changes nothing of a history in a lasting order', () => {
        expect(due('mine', {}, older)).toBe(false)
        expect(due('mine', { sort: 'name' }, older)).toBe(false)
    })

    test('may come onto the page where its status or its order counts', () => {
        expect(due('mine', { status: 'running' }, older)).toBe(true)
        expect(due('mine', { sort: '-started' }, older)).toBe(true)
        expect(due('all', {}, older)).toBe(true)
    })

    test('changes nothing where it can never be in the list', () => {
        const foreign = event(job({ id: 'new', version: 0, owner: 'bob' }))
        expect(due('mine', {}, foreign)).toBe(false)
        expect(due('all', { owner: 'ada' }, foreign)).toBe(false)
        expect(due('all', { vc: 'speech' }, born)).toBe(false)
        expect(due('all', { device_type: 'h100' }, born)).toBe(false)
        expect(due('all', { preemptible: 'true' }, born)).toBe(false)
        expect(due('all', { q: 'other' }, born)).toBe(false)
        expect(due('all', { q: 'TRAI' }, born)).toBe(true)
        expect(due('all', { label: 'team=vision' }, born)).toBe(false)
        expect(due('all', { label: 'a=b=c' }, event(job({ id: 'new', version: 0, labels: { a: 'b=c' } })))).toBe(true)
    })
})
