import { expect, it } from 'vitest'
import type { ClusterDevices, SlotHolder } from '@/api/schema'
import { marksOf, runsOf } from '@/cluster/picture'

const HIDDEN: SlotHolder = { job_id: null, name: null, owner: null, vc: null }

function job(id: string, owner: string): SlotHolder {
    return { job_id: id, name: id, owner, vc: 'default' }
}

function devices(slots: (SlotHolder | null)[], resting = 0): ClusterDevices {
    return { device_type: 'v100', total: slots.length, used: 0, resting, simulated: true, slots }
}

it('draws devices side by side of one job as one, and tells whose they are', () => {
    const slots = [job('a', 'mia'), job('a', 'mia'), job('b', 'otto'), HIDDEN, HIDDEN, null, job('a', 'mia'), null]
    expect(runsOf(devices(slots), 'mia').map(({ kind, first, count }) => [kind, first, count])).toEqual([
        ['mine', 0, 2],
        ['seen', 2, 1],
        ['foreign', 3, 2],
        ['free', 5, 1],
        ['mine', 6, 1],
        ['free', 7, 1],
    ])
})

it('keeps two jobs of one person apart', () => {
    const runs = runsOf(devices([job('a', 'mia'), job('b', 'mia')]), 'mia')
    expect(runs.map(({ holder }) => holder?.job_id)).toEqual(['a', 'b'])
})

it('shows as many free devices resting as there are', () => {
    const runs = runsOf(devices([null, job('a', 'mia'), null, null], 2), 'mia')
    expect(runs.map(({ kind, count }) => [kind, count])).toEqual([
        ['resting', 1],
        ['mine', 1],
        ['resting', 1],
        ['free', 1],
    ])
})

it('shows what nobody holds of a closed node as closed, and what jobs hold there as held', () => {
    const runs = runsOf(devices([job('a', 'mia'), null, null, HIDDEN], 1), 'mia', true)
    expect(runs.map(({ kind, count }) => [kind, count])).toEqual([
        ['mine', 1],
        ['closed', 2],
        ['foreign', 1],
    ])
})

it('gives each virtual cluster a letter of its own name, as far as there are any, and one of eight colours', () => {
    const marks = marksOf(['vision', 'default', 'dev', 'd', '语音'])
    expect(Object.fromEntries([...marks].map(([vc, { letter }]) => [vc, letter]))).toEqual({
        d: 'D',
        default: 'E',
        dev: 'V',
        vision: 'I',
        语音: '?',
    })
    const many = marksOf(Array.from({ length: 20 }, (_, number) => `vc${number}`))
    expect([...many.values()].every(({ colour }) => colour >= 1 && colour <= 8)).toBe(true)
})
