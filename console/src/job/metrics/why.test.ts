import { describe, expect, it } from 'vitest'
import type { Job, JobMetrics } from '@/api/schema'
import { kindOf, why } from '@/job/metrics/why'

const NOW = 1_795_860_000
const iso = (seconds: number) => new Date(seconds * 1000).toISOString()
const job = (more: Partial<Job> = {}) =>
    ({ status: 'running', attempt: 1, started_at: iso(NOW - 600), devices: 1, device_type: 'v100', ...more }) as Job
const answer = (more: Partial<JobMetrics> = {}): JobMetrics => ({
    series: [],
    source: 'ring',
    start: iso(NOW - 600),
    end: iso(NOW),
    step: 5,
    simulated: null,
    summary: null,
    ...more,
})
const CPU = { name: 'cpu', kind: 'usage', unit: 'cores', labels: {}, points: [[NOW, 1]] } as const
const MEASURED = answer({ series: [{ ...CPU, points: [[NOW, 1]] }] })

describe('a chart without a line says why', () => {
    it('where the job asked for no devices, or for others', () => {
        expect(why('gpu', job({ devices: 0, device_type: 'cpu' }), MEASURED, NOW)).toBe('noDevices')
        expect(why('npu', job(), MEASURED, NOW)).toBe('otherDevices')
        expect(why('gpu', job({ device_type: 'ascend910' }), MEASURED, NOW)).toBe('otherDevices')
    })

    it('where the devices are simulated, or their driver is silent', () => {
        expect(why('gpu', job(), { ...MEASURED, simulated: true }, NOW)).toBe('simulated')
        expect(why('gpu', job(), { ...MEASURED, simulated: false }, NOW)).toBe('deviceSilent')
    })

    it('where the job has not started, or only just', () => {
        expect(why('none', job({ attempt: 0, started_at: null }), answer(), NOW)).toBe('notStarted')
        expect(why('gpu', job({ started_at: null }), answer({ simulated: true }), NOW)).toBe('notStarted')
        expect(why('none', job({ started_at: iso(NOW - 3) }), answer(), NOW)).toBe('soon')
    })

    it('where the node can’t measure it', () => {
        expect(why('none', job(), MEASURED, NOW)).toBe('unmeasured')
    })

    it('where nothing is kept of the time', () => {
        expect(why('none', job(), answer({ start: iso(NOW - 90_000) }), NOW)).toBe('ringOnly')
        expect(why('none', job(), answer({ start: iso(NOW - 90_000), source: 'prometheus' }), NOW)).toBe('outside')
        expect(why('none', job({ status: 'finished' }), answer(), NOW)).toBe('outside')
    })
})

describe('the type of a device', () => {
    it.each([
        ['v100', 'gpu'],
        ['a100-80g', 'gpu'],
        ['ascend910', 'npu'],
        ['Ascend-310P', 'npu'],
        ['910b', 'npu'],
        ['my-npu', 'npu'],
    ])('says that %s is a %s', (type, kind) => {
        expect(kindOf(type)).toBe(kind)
    })
})
