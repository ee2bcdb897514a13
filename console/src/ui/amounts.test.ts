import { expect, test } from 'vitest'
import { bytes, share, three } from '@/ui/amounts'

test('bytes are told in the largest unit that leaves a number to read', () => {
    expect([0, 512, 1536, 68_800_512, 1024 ** 4].map(bytes)).toEqual(['0 B', '512 B', '1.5 KiB', '65.6 MiB', '1 TiB'])
})

test('an amount that would round up to the next unit is told in that unit', () => {
    expect(bytes(1024 * 1024 - 1)).toBe('1 MiB')
})

test('shares and amounts keep three digits', () => {
    expect(share(0.004)).toBe('0.4 %')
    expect(share(1)).toBe('100 %')
    expect(three(1234.5)).toBe('1235')
    expect(three(0.00123456)).toBe('0.00123')
})
