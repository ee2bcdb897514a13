import { describe, expect, test } from 'vitest'
import {
    addressOf,
    changed,
    isImpossible,
    isNarrowed,
    paramsOf,
    queryOf,
    sortedBy,
    statusesOf,
    viewOf,
} from '@/jobs/view'

const FULL = {
    q: 'train',
    status: 'queued,running',
    vc: 'vision',
    owner: 'ada',
    device_type: 'v100',
    preemptible: 'false',
    label: ['team=vision', 'a=b'],
    submitted_after: '2026-11-27T00:00:00Z',
    submitted_before: '2026-11-28T00:00:00Z',
    sort: 'name',
    running: 'true',
    cursor: 'abc',
}

describe('an address', () => {
    test('says the whole view, so that a shared one shows the same', () => {
        expect(queryOf(viewOf('all', FULL))).toEqual(FULL)
    })

    test('is bare for the list as it is', () => {
        expect(queryOf(viewOf('mine', {}))).toEqual({})
        expect(queryOf(viewOf('all', {}))).toEqual({})
    })

    test('leaves out what no list has', () => {
        const view = viewOf('mine', {
            status: 'queued,nonsense',
            sort: "'; drop",
            preemptible: 'maybe',
            running: 'true',
        })
        expect(queryOf(view)).toEqual({ status: 'queued' })
    })

    test('of ALL JOBS never asks for jobs that are over', () => {
        expect(viewOf('all', { status: 'failed,queued' }).status).toEqual(['queued'])
    })
})

test('when jobs ended stands in the address of MY JOBS alone, since ALL JOBS has none that is over', () => {
    const ended = { finished_after: '2026-11-27T16:00:00.000Z', finished_before: '2026-11-28T16:00:00.000Z' }
    const view = viewOf('mine', ended)
    expect(queryOf(view)).toEqual(ended)
    expect(paramsOf(view)).toMatchObject(ended)
    expect(isNarrowed(view)).toBe(true)
    expect(queryOf(viewOf('all', ended))).toEqual({})
})

describe('the gateway is asked', () => {
    test('for those that wait, with the switch for those that run as well', () => {
        expect(paramsOf(viewOf('all', {})).status).toBe('queued,scheduling,paused')
        expect(paramsOf(viewOf('all', { running: 'true' })).status).toBe(
            'queued,scheduling,paused,running,pausing,killing',
        )
        expect(statusesOf(viewOf('mine', {}))).toBeNull()
    })

    test('for the newest first, in ALL JOBS in the order of the queue', () => {
        expect(paramsOf(viewOf('mine', {}))).toEqual({ scope: 'mine', limit: 50, sort: '-submitted' })
        expect(paramsOf(viewOf('all', {})).sort).toBe('-priority')
    })

    test('early with the same words as later', () => {
        expect(addressOf('mine', '?q=train&label=a%3Db&label=c%3Dd')).toBe(
            '/api/v1/jobs?scope=mine&limit=50&sort=-submitted&q=train&label=a%3Db&label=c%3Dd',
        )
    })

    test('for nothing early where no job can match', () => {
        expect(addressOf('mine', '?q=two+words')).toBeNull()
    })
})

test('a press on a column sorts by it, another one the other way round, from the first page on', () => {
    const view = viewOf('mine', { cursor: 'abc' })
    const once = sortedBy(view, 'priority')
    expect([once.sort, once.cursor]).toEqual(['-priority', ''])
    expect(sortedBy(once, 'priority').sort).toBe('priority')
    expect(sortedBy(view, 'name').sort).toBe('name')
})

test('another condition begins at the first page, and another page keeps the conditions', () => {
    const view = viewOf('mine', { q: 'train', cursor: 'abc' })
    expect(changed(view, { vc: 'vision' })).toMatchObject({ q: 'train', vc: 'vision', cursor: '' })
    expect(changed(view, { cursor: 'def' })).toMatchObject({ q: 'train', cursor: 'def' })
})

test('a search that no name can meet is known before anybody is asked', () => {
    expect(isImpossible(viewOf('mine', { q: 'two words' }))).toBe(true)
    expect(isImpossible(viewOf('mine', { q: '<b>' }))).toBe(true)
    expect(isImpossible(viewOf('mine', { q: 'train-1.2_x' }))).toBe(false)
    expect(isNarrowed(viewOf('mine', {}))).toBe(false)
    expect(isNarrowed(viewOf('all', { preemptible: 'false' }))).toBe(true)
})
