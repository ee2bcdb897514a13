import { expect, it } from 'vitest'
import { emptyDraft, isEmpty, plainWords, rowKey, TOLD, type Draft } from '@/submit/draft'
import { requestOf, twice } from '@/submit/request'

function draft(said: Partial<Draft>): Draft {
    return { ...emptyDraft(), ...said }
}

function variable(name: string, value: string) {
    return { key: rowKey(), name, kind: 'value' as const, value, secret: '' }
}

it('says nothing that was not said', () => {
    expect(requestOf(emptyDraft())).toEqual({})
    expect(requestOf(draft({ name: ' hello ', line: 'echo hi', vc: 'default' }))).toEqual({
        name: 'hello',
        command: 'echo hi',
    })
})

it('leaves a shell line as it was typed, blanks and all', () => {
    expect(requestOf(draft({ line: ' a\n b ' })).command).toBe(' a\n b ')
})

it('sends arguments one by one, also empty ones', () => {
    const words = ['python', '', 'a b'].map((text) => ({ key: rowKey(), text }))
    expect(requestOf(draft({ commandKind: 'words', words, line: 'other' })).command).toEqual(['python', '', 'a b'])
})

it('makes numbers of numbers, and leaves what is none for the gateway to name', () => {
    const { devices, cpus, priority, interactive_ports } = requestOf(
        draft({ devices: '2', cpus: '0.5', priority: 'high', interactive_ports: '6006, 80a 8888' }),
    )
    expect([devices, cpus, priority, interactive_ports]).toEqual([2, 0.5, 'high', [6006, '80a', 8888]])
})

it('sends secrets by their names, and drops rows in which nothing stands', () => {
    const env = [
        variable('A', ''),
        variable('', ''),
        { key: rowKey(), name: 'KEY', kind: 'secret' as const, value: 'not this', secret: 'HF_TOKEN' },
    ]
    expect(requestOf(draft({ env })).env).toEqual({ A: '', KEY: { secret: 'HF_TOKEN' } })
})

it('names the events of a recipient only where they are not the usual ones', () => {
    const notify = [
        { key: rowKey(), to: 'mailto:a@example.org', on: [...TOLD].reverse() },
        { key: rowKey(), to: 'mailto:b@example.org', on: ['started'] },
        { key: rowKey(), to: ' ', on: ['started'] },
    ]
    expect(requestOf(draft({ notify })).notify).toEqual([
        { to: 'mailto:a@example.org' },
        { to: 'mailto:b@example.org', on: ['started'] },
    ])
})

it('finds names that stand twice, since a request can say only one of them', () => {
    expect(twice(draft({ env: [variable('A', '1'), variable('B', '2'), variable(' A', '3')] }))).toEqual([
        { field: 'env.A', message: 'twice' },
    ])
})

it('takes a line apart only where no shell would have to', () => {
    expect(plainWords('python train.py  --epochs=30')).toEqual(['python', 'train.py', '--epochs=30'])
    for (const line of ['echo $HOME', 'a | b', '"a b"', 'A=1 b', 'ls *', '~/x', 'a;b'])
        expect(plainWords(line)).toBeNull()
})

it('counts a chosen virtual cluster as nothing typed', () => {
    expect(isEmpty(draft({ vc: 'vision' }))).toBe(true)
    expect(isEmpty(draft({ line: 'x' }))).toBe(false)
})
