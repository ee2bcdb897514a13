import { describe, expect, it } from 'vitest'
import { nameOf } from '@/account/keys'

describe('the name of a pasted key', () => {
    it('is its comment, without what no name may hold', () => {
        expect(nameOf('ssh-ed25519 AAAA ada@laptop\n')).toBe('ada-laptop')
        expect(nameOf('ssh-ed25519 AAAA  -my key! (work)')).toBe('my-key-work')
    })

    it('is empty where the key has none', () => {
        expect(nameOf('ssh-ed25519 AAAA')).toBe('')
        expect(nameOf('')).toBe('')
    })
})
