import { expect, test } from 'vitest'
import { actor, eventOf, jobWith, OTHER } from '@/job/samples'
import { appended, endsAt, entriesOf } from '@/job/timeline/entries'
import { costOf } from '@/job/timeline/receipt'

const SCHEDULER = actor('service', 'scheduler')
const EXECUTOR = actor('service', 'executor@n1')
const SUBMITTED = eventOf('submitted', 1, {
    status: 'queued',
    reason: { code: 'queued', message: 'Waits.', details: {} },
})
const ALLOCATION = { shares: [{ node: 'n1', rank: 0, devices: [0, 3], executor: null }] }
const SCHEDULED = eventOf(
    'scheduled',
    2,
    { status: 'scheduling', attempt: 1, allocation: ALLOCATION },
    { actor: SCHEDULER },
)
const RECEIPT = {
    by: SCHEDULER,
    rule: 'higher_priority',
    why: `Job x (${OTHER}) of priority 200 needs its place.`,
    held: 4,
    unit: 'device',
    minutes_lost: 8,
    stopped_at: '2026-11-28T13:10:00.000Z',
    checkpoint_at: '2026-11-28T13:08:00.000Z',
    lost_since: '2026-11-28T13:08:00.000Z',
} as const

test('the newest comes first', () => {
    expect(entriesOf([SUBMITTED, SCHEDULED]).map(({ fact }) => fact)).toEqual(['scheduled', 'submitted'])
})

test('a line says who did it', () => {
    expect(entriesOf([SUBMITTED])[0]?.who).toEqual(actor('user', 'ada'))
})

test('a place is told by its node and devices', () => {
    expect(entriesOf([SCHEDULED])[0]).toMatchObject({ attempt: 1, places: ['n1: v100 0, 3'] })
})

test('of several ranks each place says whose it is, also where they share a node', () => {
    const shares = [0, 1].map((rank) => ({ node: 'n1', rank, devices: [], executor: null }))
    const event = eventOf('scheduled', 2, { status: 'scheduling', attempt: 1, allocation: { shares } })
    expect(entriesOf([event])[0]?.places).toEqual(['rank 0 · n1', 'rank 1 · n1'])
})

test('a preemption says for whom, and what it cost, though the executor observed it', () => {
    const event = eventOf('preempted', 4, { status: 'queued' }, { actor: EXECUTOR, receipt: RECEIPT })
    const [entry] = entriesOf([event])
    expect(entry?.who).toEqual(SCHEDULER)
    expect(entry?.reason?.message).toBe(RECEIPT.why)
    expect(entry?.receipt).toBe(RECEIPT)
})

test('a pause that a person asked for needs no other reason', () => {
    const receipt = { ...RECEIPT, by: actor('user', 'ada'), rule: 'pause_command', why: 'ada asked.' } as const
    const reason = { code: 'paused', message: 'Paused by ada.', details: {} }
    const [entry] = entriesOf([eventOf('paused', 4, { status: 'paused', reason }, { actor: EXECUTOR, receipt })])
    expect([entry?.who.name, entry?.reason]).toEqual(['ada', null])
})

test('a changed priority tells from what to what', () => {
    const event = eventOf('priority_changed', 2, { status: 'queued', priority: 300 }, { previous: 100 })
    expect(entriesOf([event])[0]?.priority).toEqual({ from: 100, to: 300 })
})

test('a failure tells its exit code and how much work is lost; why, the top of the page has told', () => {
    const reason = { code: 'command_failed', message: 'It ended with 3.', details: {} }
    const data = { actor: EXECUTOR, lost_since: '2026-11-28T13:00:00.000Z' }
    const [entry] = entriesOf([eventOf('failed', 4, { status: 'failed', exit_code: 3, reason }, data)])
    expect(entry).toMatchObject({
        exitCode: 3,
        reason: null,
        lostSeconds: (Date.parse(entry?.time ?? '') - Date.parse('2026-11-28T13:00:00.000Z')) / 1000,
    })
})

test('a fact that is not known keeps its own word', () => {
    expect(entriesOf([eventOf('teleported', 2, { status: 'queued' })])[0]).toMatchObject({
        fact: null,
        word: 'teleported',
    })
})

test('a history takes the next event, ignores one that it has, and notices one that is missing', () => {
    const history = [SUBMITTED]
    expect(appended(history, SCHEDULED)).toEqual([SUBMITTED, SCHEDULED])
    expect(appended(history, SUBMITTED)).toBe(history)
    expect(appended(history, eventOf('started', 3, { status: 'running' }))).toBeNull()
})

test('a time limit ends a job that runs, and no other', () => {
    const limited = { max_duration_s: 60, started_at: '2026-11-28T13:00:00.000Z' }
    expect(endsAt(jobWith({ ...limited, status: 'running' }))).toBe('2026-11-28T13:01:00.000Z')
    expect(endsAt(jobWith({ ...limited, status: 'finished' }))).toBeNull()
})

test('a receipt of a job that did not run lost nothing', () => {
    expect(costOf({ stopped_at: null, lost_since: null })).toEqual({ kind: 'nothing' })
})

test('lost is the time since the last checkpoint', () => {
    expect(costOf(RECEIPT)).toEqual({ kind: 'lost', seconds: 120 })
})
