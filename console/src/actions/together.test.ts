import { expect, test } from 'vitest'
import { summed } from '@/actions/together'
import { priorityOf } from '@/actions/priorities'
import type { Outcome } from '@/api/schema'
import { jobs } from '@/jobs/samples'

const refusal = (id: string | null, detail: string): Outcome => ({
    status: 409,
    id,
    problem: {
        type: 'about:blank',
        title: 'Conflict',
        status: 409,
        detail,
        code: 'conflict',
        errors: [],
        request_id: null,
    },
})

test('a summary names what was done and each that was refused, with the reason', () => {
    const outcomes: Outcome[] = [{ status: 202, id: 'a', problem: null }, refusal('b', 'It is over.')]
    const { done, refused } = summed(jobs('ab'), outcomes)
    expect(done.map(({ id }) => id)).toEqual(['a'])
    expect(refused).toMatchObject([{ job: { id: 'b' }, why: 'It is over.' }])
})

test('a job without an outcome is never counted as done', () => {
    expect(summed(jobs('ab'), [refusal(null, 'No.')]).refused.map(({ why }) => why)).toEqual(['No.', ''])
})

test('a priority is a whole number from 1 to 1000', () => {
    expect(['1', ' 1000 ', '0', '1001', '-5', '1e3', '', '4.5', 'NaN'].map(priorityOf)).toEqual([
        1,
        1000,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
    ])
})
