import { expect, test } from 'vitest'
import type { Reason } from '@/api/schema'
import { blockersOf, changeOf, factsOf, linked, sentenceOf } from '@/job/reasons'
import { ID, OTHER } from '@/job/samples'

const WAITS: Reason = {
    code: 'waiting_for_devices',
    message: 'Waits for 4 v100: 0 are free, 8 are held by 1 job. 1 job is ahead of it.',
    details: {
        position: 2,
        ahead: 1,
        needs: { device_type: 'v100', devices: 4, cpus: 1, memory_mib: 0 },
        free: { devices: 3, cpus: 1, memory_mib: 24105 },
        free_on_one_node: { devices: 2, cpus: 1, memory_mib: 24105 },
        held: { devices: 8, cpus: 1, memory_mib: 0 },
        held_by: 1,
    },
}

test('a reason tells the place in line and who holds what it waits for', () => {
    const facts = factsOf(WAITS)
    expect([facts.position, facts.ahead, facts.heldBy, facts.freeOnOne?.devices]).toEqual([2, 1, 1, 2])
})

test('a job that no node can ever take has no place in line', () => {
    const details = { position: 3, ahead: 2 }
    expect(factsOf({ code: 'no_node_fits', message: '', details }).position).toBeNull()
})

test('what would change it comes with the figures of the reason', () => {
    expect(changeOf(WAITS)).toEqual({
        key: 'waiting_for_devices',
        figures: { nodes: 1, devices: 4, type: 'v100', cpus: 1, memory: 0, free: 2 },
    })
})

test('a job of several nodes hears that all of them have to be free at the same time', () => {
    const needs = { device_type: 'v100', devices: 8, cpus: 1, memory_mib: 0, nodes: 4 }
    const gang: Reason = { code: 'gang', message: '', details: { ahead: 0, could_start: 3, needs } }
    expect(changeOf(gang)).toMatchObject({ key: 'gang', figures: { nodes: 4 } })
    expect(sentenceOf(gang, 'zh')).toBe('需要同时有 4 个节点，每个 8 个 v100、1 个 CPU；现在可启动 3 个。排在第一位。')
    const large: Reason = { code: 'gang_too_large', message: '', details: { position: 1, most: 2, needs } }
    expect(factsOf(large).position).toBeNull()
    expect(sentenceOf(large, 'zh')).toContain('最多容纳其中 2 个')
})

test('a run on a silent node of a cluster is given up by an administrator, since nobody forgets such a node', () => {
    const silent = (details: Reason['details']) => changeOf({ code: 'node_silent', message: '', details })?.key
    expect(silent({ node: 'a', nodes: ['a'] })).toBe('node_silent')
    expect(silent({ node: 'a', nodes: ['a'], executor: 'cluster' })).toBe('cluster_node_silent')
})

test('a reason that nothing would change promises nothing', () => {
    expect(changeOf({ code: 'command_failed', message: '', details: {} })).toBeNull()
})

test('jobs that make room, and the one that took the place, stand in the way', () => {
    expect(blockersOf({ code: 'making_room', message: '', details: { victims: [ID, OTHER] } })).toEqual([ID, OTHER])
    expect(blockersOf({ code: 'preempted', message: '', details: { for: ID } })).toEqual([ID])
})

test('what is no id of a job never becomes a link', () => {
    expect(
        blockersOf({ code: 'making_room', message: '', details: { victims: ['javascript:alert(1)', `${ID}x`, 7] } }),
    ).toEqual([])
})

test('English is the gateway’s own sentence', () => {
    expect(sentenceOf(WAITS, 'en')).toBe(WAITS.message)
})

test('Chinese tells the same figures', () => {
    const said = sentenceOf(WAITS, 'zh')
    expect(said).toContain('等待 4 个 v100')
    expect(said).toContain('前面还有 1 个作业')
})

test('Chinese tells the cause behind a lost run and a kill by a service, and whose path it was', () => {
    const why = { code: 'node_restarted', message: 'The machine was restarted.', details: {} }
    const lost = sentenceOf({ code: 'run_lost', message: 'Lost.', details: { losses: 2, why } }, 'zh')
    expect(lost).toBe('运行已丢失（第 2 次）。运行期间机器重启了。')
    const details = { by: 'endpoints', grace_period_s: 5, why: { code: 'idle', message: 'Idle.', details: {} } }
    expect(sentenceOf({ code: 'killing', message: 'm', details }, 'zh')).toContain('长时间无人使用')
    const unknown = { ...details, why: { code: 'brand_new', message: 'Something new.', details: {} } }
    expect(sentenceOf({ code: 'killing', message: 'm', details: unknown }, 'zh')).toContain('Something new.')
    const outside = { code: 'path_outside', message: 'Outside.', details: { path: '/etc' } }
    expect(sentenceOf(outside, 'zh')).toContain('/etc')
    expect(sentenceOf({ ...outside, details: {} }, 'zh')).toBe('Outside.')
})

test('Chinese names the nodes on which room is made, of many the first', () => {
    const nodes = ['a', 'b', 'c', 'd', 'e', 'f']
    const on = (count: number) => ({ node: 'a', nodes: nodes.slice(0, count) })
    expect(sentenceOf({ code: 'making_room', message: 'm', details: on(2) }, 'zh')).toContain('节点 a、b 上')
    expect(sentenceOf({ code: 'higher_priority', message: 'm', details: on(6) }, 'zh')).toContain(
        '节点 a、b、c、d、e 等 6 个节点上',
    )
})

test('Chinese names the rank that a reason is about, once', () => {
    const details = { rank: 2, node: 'n1', exit_code: 3 }
    const said = (code: string, more = {}) => sentenceOf({ code, message: 'm', details: { ...details, ...more } }, 'zh')
    expect(said('disk_full')).toBe('节点 n1 上的 rank 2：该节点的磁盘已满。')
    const why = { code: 'node_restarted', message: 'The machine was restarted.', details }
    expect(said('run_lost', { losses: 2, why })).toBe(
        '节点 n1 上的 rank 2：运行已丢失（第 2 次）。运行期间机器重启了。',
    )
    for (const code of ['command_failed', 'retrying']) expect(said(code).match(/rank 2/g)).toHaveLength(1)
})

test('a code that is not known, or figures that are missing, leave the gateway’s sentence', () => {
    expect(sentenceOf({ code: 'brand_new', message: 'Something new.', details: {} }, 'zh')).toBe('Something new.')
    expect(sentenceOf({ ...WAITS, details: {} }, 'zh')).toBe(WAITS.message)
})

test('ids in a sentence are taken out of it as links, and nothing is lost', () => {
    const parts = linked(`Job a (${ID}) needs it, not ${OTHER}.`)
    expect(parts.filter(({ job }) => job).map(({ text }) => text)).toEqual([ID, OTHER])
    expect(parts.map(({ text }) => text).join('')).toBe(`Job a (${ID}) needs it, not ${OTHER}.`)
})
