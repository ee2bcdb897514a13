import { expect, test } from 'vitest'
import { goesOn, joined } from '@/jobs/pages'
import { jobs } from '@/jobs/samples'
import { paramsOf, viewOf } from '@/jobs/view'

const page = (names: string, next: string | null) => ({
    items: jobs(names),
    total: names.length,
    total_is: 'at_least' as const,
    next_cursor: next,
    prev_cursor: null,
})

test('a first page that the gateway has not filled yet is asked for further', () => {
    const params = paramsOf(viewOf('all', { q: 'rare' }))
    expect(goesOn(params, page('', 'more'))).toBe(true)
    expect(goesOn(params, page('ab', 'more'))).toBe(true)
    expect(goesOn(params, page('ab', null))).toBe(false)
    expect(goesOn(params, page('x'.repeat(50), 'more'))).toBe(false)
    expect(goesOn({ ...params, cursor: 'back' }, page('ab', 'more'))).toBe(false)
})

test('what was found later follows what was found first', () => {
    const both = joined(page('ab', 'more'), page('c', 'end'))
    expect(both.items.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    expect([both.total, both.next_cursor]).toEqual([3, 'end'])
})
