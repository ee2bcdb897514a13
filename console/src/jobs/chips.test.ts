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
