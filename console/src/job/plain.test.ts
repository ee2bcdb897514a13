import { expect, test } from 'vitest'
import { plain } from '@/job/plain'

test('colours are left out, and the text stays', () => {
    expect(plain('\x1b[1;31mred\x1b[0m and \x1b[38;5;12mblue')).toBe('red and blue')
})

test('titles, clipboards, links and movements do nothing', () => {
    expect(
        plain('\x1b]0;title\x07a\x1b]52;c;aGFja2Vk\x1b\\b\x1b[2J\x1b]8;;javascript:alert(1)\x07c\x1b]8;;\x07\x1bM'),
    ).toBe('abc')
})

test('a string that never ends takes nothing but itself', () => {
    expect(plain('before\x1b]0;forever')).toBe('before')
})

test('of a progress bar the last state is shown', () => {
    expect(plain('10 %\r50 %\r100 %')).toBe('100 %')
    expect(plain('100 %\r')).toBe('100 %')
})

test('tabs stay, other control characters go', () => {
    expect(plain('a\tb\x00\x07\x9bc')).toBe('a\tbc')
})
