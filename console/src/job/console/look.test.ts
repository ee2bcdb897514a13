import { describe, expect, it } from 'vitest'
import { darkEnough, lightEnough, linear, look, luminance } from '@/job/console/look'
import { PLAIN, TRUE_COLOUR } from '@/job/console/sgr'
import tokens from '@/styles/tokens.css?raw'

const GROUNDS = ['bg', 'bg-sunken', 'bg-hover', 'bg-selected']

function token(name: string): { light: number; dark: number } {
    const [, light = '', dark = ''] = new RegExp(`--${name}: light-dark\\(#(\\w{6}), #(\\w{6})\\)`).exec(tokens) ?? []
    return { light: parseInt(light, 16), dark: parseInt(dark, 16) }
}

function contrast(one: number, other: number): number {
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
}

describe('the colours of a console', () => {
    it.each(Array.from({ length: 16 }, (_, number) => number))(
        'can be read in both themes: %i of the palette',
        (number) => {
            const colour = token(`ansi-${number}`)
            for (const name of GROUNDS)
                for (const theme of ['light', 'dark'] as const)
                    expect(
                        contrast(luminance(linear(colour[theme])), luminance(linear(token(name)[theme]))),
                    ).toBeGreaterThan(4.5)
        },
    )

    it.each([0x000000, 0xffffff, 0xffff00, 0x0000ff, 0x00ff00, 0x101010, 0x808080])(
        'can be read in both themes: %i',
        (colour) => {
            for (const name of GROUNDS) {
                const { light, dark } = token(name)
                expect(contrast(luminance(darkEnough(colour)), luminance(linear(light)))).toBeGreaterThan(4.5)
                expect(contrast(luminance(lightEnough(colour)), luminance(linear(dark)))).toBeGreaterThan(4.5)
            }
        },
    )

    it('are kept where they can be read', () => {
        expect(look({ ...PLAIN, front: TRUE_COLOUR | 0x123456 }).color).toMatch(/^light-dark\(#123456, #/)
        expect(look({ ...PLAIN, front: TRUE_COLOUR | 0xffeedd }).color).toMatch(/, #ffeedd\)$/)
    })

    it('change places when they are reversed, and a ground has text in the colour of the page', () => {
        expect(look({ ...PLAIN, reverse: true })).toEqual({ backgroundColor: 'var(--text)', color: 'var(--bg)' })
        expect(look({ ...PLAIN, reverse: true, front: 1 })).toEqual({
            backgroundColor: 'var(--ansi-1)',
            color: 'var(--bg)',
        })
        expect(look({ ...PLAIN, back: 4, front: 7 })).toEqual({ backgroundColor: 'var(--ansi-4)', color: 'var(--bg)' })
    })

    it('go with weights and lines', () => {
        expect(look({ ...PLAIN, bold: true, italic: true, underline: true, struck: true })).toEqual({
            fontWeight: 'var(--bold)',
            fontStyle: 'italic',
            textDecorationLine: 'underline line-through',
        })
        expect(look({ ...PLAIN, dim: true })).toEqual({ color: 'var(--text-muted)' })
        expect(look(PLAIN)).toEqual({})
    })
})
