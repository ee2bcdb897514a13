import { expect, test } from 'vitest'
import { endOfDay, startOfDay, toDay } from '@/jobs/days'

test('a day begins and ends where one is, and its moments lead back to it', () => {
    expect(toDay(startOfDay('2026-11-28'))).toBe('2026-11-28')
    expect(toDay(endOfDay('2026-11-28'))).toBe('2026-11-28')
    expect(Date.parse(endOfDay('2026-11-28')) - Date.parse(startOfDay('2026-11-28'))).toBe(86_399_999)
})

test('what is no day is none', () => {
    expect([startOfDay(''), startOfDay('2026-13-45'), toDay('nonsense'), toDay('')]).toEqual(['', '', '', ''])
})
