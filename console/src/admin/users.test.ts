import { describe, expect, it } from 'vitest'
import { changeOf, draftOf, newUser } from '@/admin/users'
import type { User } from '@/api/schema'

const ADA: User = {
    name: 'ada',
    email: 'ada@example.org',
    admin: false,
    disabled: false,
    vcs: { default: 'member', lab: 'admin' },
    issuer: false,
    created_at: '2026-11-28T00:00:00Z',
}

describe('a change of an account', () => {
    it('says nothing of what was not touched', () => {
        expect(changeOf(ADA, draftOf(ADA))).toEqual({})
    })

    it('takes a virtual cluster away by null, and gives one', () => {
        const draft = { ...draftOf(ADA), vcs: { default: 'member', lab: undefined, team: 'member' } as const }
        expect(changeOf(ADA, draft)).toEqual({ vcs: { lab: null, team: 'member' } })
    })

    it('removes an address that was emptied', () => {
        expect(changeOf(ADA, { ...draftOf(ADA), email: ' ' })).toEqual({ email: null })
    })
})

describe('a new account', () => {
    it('is a member of default unless somebody says otherwise', () => {
        const draft = { ...draftOf(null), name: ' eve ', password: 'correct horse' }
        expect(newUser(draft)).toMatchObject({ username: 'eve', vcs: { default: 'member' }, email: null })
        expect(newUser({ ...draft, vcs: { default: undefined } }).vcs).toEqual({})
    })
})
