import { expect, it } from 'vitest'
import type { ClusterHistory, ClusterSeries } from '@/api/schema'
import { plotOf } from '@/cluster/history'
import { addressOf } from '@/cluster/queue'

function series(name: ClusterSeries['name'], vc: string | null, values: (number | null)[], type: string | null = null) {
    return { name, vc, device_type: type, values }
}

const HISTORY: ClusterHistory = {
    start: '2026-11-28T08:00:00Z',
    end: '2026-11-28T08:03:00Z',
    step: 60,
    series: [
        series('running', null, [1, 2, 3]),
        series('waiting', null, [null, 4, null]),
        series('waiting', 'vision', [null, 1, null]),
        series('used', null, [null, null, null], 'v100'),
    ],
}

it('draws the lines that are asked for, in that order, over the times of the history', () => {
    const plot = plotOf(HISTORY, ['waiting', 'running'], null, ({ name }) => name)
    expect(plot?.lines.map(({ name, values }) => [name, values])).toEqual([
        ['waiting', [null, 4, null]],
        ['running', [1, 2, 3]],
    ])
    expect(plot?.times).toEqual([0, 60, 120].map((later) => Date.parse('2026-11-28T08:00:00Z') / 1000 + later))
})

it('draws one virtual cluster alone', () => {
    expect(plotOf(HISTORY, ['waiting'], 'vision', ({ name }) => name)?.lines.map(({ values }) => values)).toEqual([
        [null, 1, null],
    ])
})

it('draws nothing where nobody knows anything', () => {
    expect(plotOf(HISTORY, ['used'], null, String)).toBeNull()
    expect(plotOf({ ...HISTORY, series: [] }, ['running'], null, String)).toBeNull()
})

it('leads from a line of the queue to its jobs, and nowhere where they are not to be seen', () => {
    expect(addressOf({ device_type: 'v100', vc: 'vision' })).toEqual({
        name: 'all',
        query: { status: 'queued', device_type: 'v100', vc: 'vision' },
    })
    expect(addressOf({ device_type: 'v100', vc: null })).toBeNull()
})
