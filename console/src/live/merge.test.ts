import { expect, it } from 'vitest'
import type { Job, JobEvent } from '@/api/schema'
import { merged } from '@/live/merge'

const JOB = { id: 'A', name: 'digits', version: 4, status: 'running', actions: ['pause', 'kill', 'support'] } as Job

function event(version: number, status: string, id = 'A'): JobEvent {
    return { data: { job: { id, name: 'digits', version, state: { status } } } } as unknown as JobEvent
}

it('takes over what is newer, and leaves what is older or of another job as it is', () => {
    expect(merged(JOB, event(5, 'finished'))).toMatchObject({ version: 5, status: 'finished' })
    expect(merged(JOB, event(4, 'queued'))).toBe(JOB)
    expect(merged(JOB, event(9, 'finished', 'B'))).toBe(JOB)
})

it('keeps the actions that the new status may allow, through a pause and back', () => {
    const pausing = merged(JOB, event(5, 'pausing'))
    expect(pausing.actions).toEqual(['kill', 'support'])
    const paused = merged(pausing, event(6, 'paused'))
    expect(paused.actions).toEqual(['resume', 'kill', 'support'])
    expect(merged(paused, event(7, 'queued')).actions).toEqual(['pause', 'kill', 'support'])
    expect(merged(paused, event(7, 'killed')).actions).toEqual(['support'])
})

it('has nothing in its way once it does not wait any more', () => {
    const waits = { ...JOB, status: 'queued', blockers: { jobs: [], more: 2 } } as Job
    expect(merged(waits, event(5, 'queued')).blockers).toEqual(waits.blockers)
    expect(merged(waits, event(5, 'scheduling')).blockers).toBeNull()
})

it('gives whoever may only look nothing to do', () => {
    const seen = { ...JOB, actions: ['support'] } as Job
    expect(merged(seen, event(5, 'paused')).actions).toEqual(['support'])
})
