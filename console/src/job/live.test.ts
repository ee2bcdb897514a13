import { expect, test } from 'vitest'
import { newer } from '@/job/live'
import { iconOf, titleOf } from '@/job/mark'
import { jobWith } from '@/job/samples'

test('an answer that is older than what an event told is dropped', () => {
    const known = jobWith({ version: 5, status: 'running' })
    expect(newer(known, jobWith({ version: 4 }))).toBe(known)
    const fetched = jobWith({ version: 5 })
    expect(newer(known, fetched)).toBe(fetched)
})

test('the browser’s tab names the state first, and each state has an icon of its own', () => {
    expect(titleOf(jobWith({ status: 'failed' }))).toBe('failed · bert · Jobyard')
    const statuses = [
        ...(['queued', 'scheduling', 'running', 'pausing', 'paused'] as const),
        ...(['killing', 'killed', 'finished', 'failed', 'error'] as const),
    ]
    expect(new Set(statuses.map(iconOf)).size).toBe(statuses.length)
    expect(statuses.map(iconOf)).not.toContain(undefined)
})
