import { describe, expect, it } from 'vitest'
import { filtersOf, told } from '@/admin/audit'

describe('the filters of the audit', () => {
    it('are what the address says once each', () => {
        expect(filtersOf({ actor: ' mia ', action: '', target: ['a', 'b'], other: 'x' })).toEqual({ actor: 'mia' })
    })
})

describe('what an entry tells', () => {
    it('is how things are after the change', () => {
        const details = { before: { admin: false }, after: { admin: true, email: null, vcs: { lab: 'member' } } }
        expect(told(details)).toBe('admin: true, vcs: {"lab":"member"}')
    })

    it('is everything where nothing was before', () => {
        expect(told({ name: 'digits' })).toBe('name: digits')
        expect(told({ after: {} })).toBe('')
    })
})
