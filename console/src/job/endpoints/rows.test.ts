import { expect, test } from 'vitest'
import { moves, rowsOf, wrongPort } from '@/job/endpoints/rows'
import { endpointWith, ID } from '@/job/samples'

const SSH = endpointWith({ name: 'ssh', kind: 'ssh', url: null, command: `ssh -p 2222 ${ID}@host` })
const PORT = endpointWith({ name: 'port-8080', kind: 'port', port: 8080 })
const LOW = endpointWith({ name: 'port-1024', kind: 'port', port: 1024, status: 'closed' })

test('SSH, Jupyter and TensorBoard are there before anybody asks, then the ports by number', () => {
    expect(rowsOf([PORT, LOW, SSH]).map(({ name }) => name)).toEqual([
        'ssh',
        'jupyter',
        'tensorboard',
        'port-1024',
        'port-8080',
    ])
})

test('a line for a terminal leads in by SSH, an address by browser, and only what is ready opens', () => {
    const rows = rowsOf([SSH, PORT, LOW])
    expect(rows.find(({ name }) => name === 'ssh')).toMatchObject({ address: SSH.command, opens: false, on: true })
    expect(rows.find(({ name }) => name === 'port-8080')).toMatchObject({ address: PORT.url, opens: true })
    expect(rows.find(({ name }) => name === 'port-1024')).toMatchObject({ state: 'off', on: false, address: null })
})

test('where browsers have no door, the command line leads in', () => {
    expect(rowsOf([{ ...PORT, url: null }]).at(-1)?.address).toBe(PORT.command)
})

test('what failed is on, with no address', () => {
    const [, jupyter] = rowsOf([endpointWith({ name: 'jupyter', kind: 'jupyter', status: 'failed' })])
    expect(jupyter).toMatchObject({ state: 'failed', on: true, address: null, opens: false })
})

test('endpoints are looked at until each is where the status of the job leads it', () => {
    const jupyter = endpointWith({ name: 'jupyter', kind: 'jupyter', status: 'requested' })
    expect(moves([jupyter], { status: 'queued' })).toBe(false)
    expect(moves([jupyter], { status: 'running' })).toBe(true)
    expect(moves([{ ...jupyter, status: 'starting' }], { status: 'running' })).toBe(true)
    expect(moves([SSH, { ...jupyter, status: 'failed' }], { status: 'running' })).toBe(false)
    expect(moves([SSH], { status: 'pausing' })).toBe(false)
    expect(moves([SSH], { status: 'paused' })).toBe(true)
    expect(moves([SSH], { status: 'finished' })).toBe(true)
    expect(moves([LOW], { status: 'finished' })).toBe(false)
})

test('TensorBoard that is kept after the end is where it belongs, and opens', () => {
    const reason = { code: 'kept', message: 'Until tomorrow.', details: {} }
    const kept = endpointWith({ name: 'tensorboard', kind: 'tensorboard', reason })
    expect(moves([kept], { status: 'finished' })).toBe(false)
    expect(rowsOf([kept])[2]?.opens).toBe(true)
})

test('a port is a number from 1024 to 65535', () => {
    expect(['1024', '8080', '65535', ' 8080 '].map(wrongPort)).toEqual([false, false, false, false])
    expect(['', '80', '65536', '-1', '1e4', '8080.5', '0x1f90', '9'.repeat(40)].every(wrongPort)).toBe(true)
})
