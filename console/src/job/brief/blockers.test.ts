import { expect, test } from 'vitest'
import type { Blocker } from '@/api/schema'
import { shareOf, shortId } from '@/job/brief/blockers'
import { ID } from '@/job/samples'

const HOLDS: Blocker = {
    ...{ id: ID, name: 'bert', owner: 'ada', vc: 'default', state: 'holds', since: null },
    ...{ device_type: 'v100', devices: 4, cpus: 2.5, memory_mib: 64 },
}

test('a job in the way has devices, and for whoever lacks cpus or memory just these', () => {
    expect(shareOf(HOLDS, 'waiting_for_devices')).toEqual({ text: 'devices', count: 4, type: 'v100' })
    expect(shareOf(HOLDS, 'waiting_for_cpus')).toEqual({ text: 'cpus', count: 2.5 })
    expect(shareOf(HOLDS, 'waiting_for_pods')).toEqual({ text: 'pod' })
    expect(shareOf(HOLDS, 'waiting_for_memory')).toEqual({ text: 'memory', mib: 64 })
    expect(shareOf({ ...HOLDS, devices: 0, device_type: 'cpu' }, 'making_room')).toEqual({ text: 'cpus', count: 2.5 })
})

test('jobs of one name are told apart by the end of their ids', () => {
    expect(shortId(ID)).toBe('#8K265H')
})
