import { expect, test } from 'vitest'
import { arrival, mayMove } from '@/actions/wishes'
import { job } from '@/jobs/samples'

test('a pause is under way until the job is paused, or has come to its end before', () => {
    expect(arrival('pause', 'running')).toBe('under way')
    expect(arrival('pause', 'pausing')).toBe('under way')
    expect(arrival('pause', 'paused')).toBe('there')
    expect(arrival('pause', 'finished')).toBe('elsewhere')
})

test('a kill is there once the job is killed', () => {
    expect(arrival('kill', 'killing')).toBe('under way')
    expect(arrival('kill', 'killed')).toBe('there')
    expect(arrival('kill', 'failed')).toBe('elsewhere')
})

test('a resume is there as soon as the job is no longer paused', () => {
    expect(arrival('resume', 'paused')).toBe('under way')
    expect(arrival('resume', 'queued')).toBe('there')
    expect(arrival('resume', 'killed')).toBe('elsewhere')
})

test('a priority may change while the job waits, by those who may change the job', () => {
    expect(mayMove(job({ status: 'queued', actions: ['pause', 'kill'] }))).toBe(true)
    expect(mayMove(job({ status: 'paused', actions: ['resume'] }))).toBe(true)
    expect(mayMove(job({ status: 'running', actions: ['pause', 'kill'] }))).toBe(false)
    expect(mayMove(job({ status: 'queued', actions: ['kill'] }))).toBe(false)
    expect(mayMove(job({ status: 'queued', actions: [] }))).toBe(false)
})
