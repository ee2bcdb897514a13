import { expect, test } from 'vitest'
import { followed, noticed, pendingWish, unfollowed } from '@/actions/acting'
import { subjectFor } from '@/actions/support'
import { event, job } from '@/jobs/samples'

test('what is asked for stays pending until an event says that it is there', () => {
    const running = job({ id: 'x', status: 'running' })
    followed([running], 'pause')
    expect(pendingWish('x')).toBe('pause')
    noticed(event(running, { status: 'pausing' }))
    expect(pendingWish('x')).toBe('pause')
    noticed(event(running, { status: 'paused' }))
    expect(pendingWish('x')).toBeNull()
})

test('what is so already, and what was refused, is not pending', () => {
    followed([job({ id: 'p', status: 'paused' }), job({ id: 'q', status: 'running' })], 'pause')
    expect([pendingWish('p'), pendingWish('q')]).toEqual([null, 'pause'])
    unfollowed(['q'])
    expect(pendingWish('q')).toBeNull()
})

test('news of other jobs end nothing', () => {
    followed([job({ id: 'y', status: 'running' })], 'kill')
    noticed(event(job({ id: 'z' }), { status: 'killed' }))
    expect(pendingWish('y')).toBe('kill')
})

test('the subject of a question says which job it is about, and how it is', () => {
    expect(subjectFor(job({ status: 'failed' }))).toBe('train (01JD8F2M5V7Q0R3S6T9W2X4Y8Z): failed')
})
