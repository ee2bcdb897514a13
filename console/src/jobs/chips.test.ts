import { expect, test } from 'vitest'
import { chipsOf } from '@/jobs/chips'
import { changed, viewOf } from '@/jobs/view'

test('each condition has a button that takes away itself alone', () => {
    const view = viewOf('all', {
        q: 'a',
        status: 'queued',
        vc: 'v',
        owner: 'o',
        label: ['a=b', 'c=d'],
        preemptible: 'true',
    })
    const chips = chipsOf(view)
    expect(chips.map(({ name }) => name)).toEqual(['q', 'status', 'vc', 'owner', 'preemptible', 'label', 'label'])
    for (const chip of chips) expect(chipsOf(changed(view, chip.without))).toHaveLength(chips.length - 1)
})

test('when jobs ended is two conditions', () => {
    const view = viewOf('mine', { finished_after: '2026-11-28T00:00:00Z', finished_before: '2026-11-29T00:00:00Z' })
    expect(chipsOf(view).map(({ name, moment }) => [name, moment])).toEqual([
        ['endedAfter', true],
        ['endedBefore', true],
    ])
})
