import { expect, test } from 'vitest'
import { job } from '@/jobs/samples'
import { why } from '@/jobs/why'

test('a job that waits says for what, and its place in line', () => {
    const details = { position: 7, needs: { device_type: 'v100', devices: 4, cpus: 2, memory_mib: 1024, nodes: 2 } }
    const said = (code: string) => why(job({ reason: { code, message: '', details } }))
    expect(said('waiting_for_devices')).toEqual({ text: 'devices', count: 4, type: 'v100', place: 7 })
    expect(said('waiting_for_cpus')).toEqual({ text: 'cpus', count: 2, place: 7 })
    expect(said('waiting_for_memory')).toEqual({ text: 'memory', gib: 1, place: 7 })
    expect(said('waiting_for_pods')).toEqual({ text: 'pods', place: 7 })
    expect(said('gang')).toEqual({ text: 'gang', count: 2, place: 7 })
    expect(said('gang_too_large')).toEqual({ text: 'tooMany', count: 2, place: null })
    expect(said('no_node_fits')).toEqual({ text: 'tooLarge', place: null })
    expect(said('no_such_device')).toEqual({ text: 'noDevice', type: 'v100', place: null })
})

test('a job that starts on several nodes says on how many', () => {
    const said = (details: object) => why(job({ reason: { code: 'starting', message: '', details: { ...details } } }))
    expect(said({ node: 'a', nodes: ['a', 'b', 'c'] })).toEqual({ text: 'starting', node: 'a +2', place: null })
    expect(said({ node: 'a', devices: [0] })).toEqual({ text: 'starting', node: 'a', place: null })
})

test('a job on nodes that are silent says on how many, also while it waits for them', () => {
    const said = (details: object) =>
        why(job({ reason: { code: 'node_silent', message: '', details: { ...details } } }))
    expect(said({ node: 'b', nodes: ['b', 'c'] })).toEqual({ text: 'silent', node: 'b +1', place: null })
    expect(said({ nodes: ['a'] })).toEqual({ text: 'silent', node: 'a', place: null })
})

test('a failed job says its exit code, a paused one by whom, and a finished one nothing', () => {
    const reason = (code: string, details = {}) => ({ code, message: 'A sentence.', details })
    expect(why(job({ status: 'failed', exit_code: 3, reason: reason('command_failed') }))).toMatchObject({ code: 3 })
    expect(why(job({ status: 'paused', reason: reason('paused', { by: 'bob' }) }))).toMatchObject({ name: 'bob' })
    expect(why(job({ status: 'error', reason: reason('work_path_missing') }))).toEqual({ text: 'noPath', place: null })
    expect(why(job({ status: 'error', reason: reason('run_lost') }))).toEqual({ text: 'lost', place: null })
    expect(why(job({ status: 'finished', reason: reason('finished') }))).toBeNull()
    expect(why(job({ status: 'running', reason: null }))).toBeNull()
})

test('a job whose start was refused says for what, as far as one may know it', () => {
    const refused = (details: object) =>
        why(job({ reason: { code: 'start_refused', message: '', details: { ...details } } }))
    expect(refused({ why: { code: 'image_unavailable', message: '' } })).toEqual({ text: 'noImage', place: null })
    expect(refused({ why: { code: 'claim_missing', message: '' } })).toEqual({ text: 'noStorage', place: null })
    expect(refused({ why: { code: 'constructor', message: '' } })).toEqual({ text: 'refused', place: null })
    expect(refused({})).toEqual({ text: 'refused', place: null })
})

test('a reason that is not known is told in its own sentence, whatever its figures are', () => {
    const strange = { code: 'new_code', message: 'The moon is full.', details: { needs: 'nothing', position: 'first' } }
    expect(why(job({ reason: strange }))).toEqual({ text: 'sentence', sentence: 'The moon is full.', place: null })
    expect(why(job({ reason: { ...strange, code: 'waiting_for_devices' } }))).toEqual({
        text: 'devices',
        count: 0,
        type: '',
        place: null,
    })
})
