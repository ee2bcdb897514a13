/**
 * Styles of a terminal as CSS that can be read in both themes: text has a contrast of at least 4.5 to 1, whatever colours
 * a job chose. Pure.
 *
 * The palette's sixteen colours stand in tokens.css. Others keep their hue and are made darker for the light theme, and
 * lighter for the dark one, as far as it takes. On a coloured ground the text has the colour of the page, so one rule
 * makes both readable.
 */

import { TRUE_COLOUR, type Colour, type Style } from '@/job/console/sgr'

/** Luminances (WCAG) with a contrast of 4.5 on the page and on its marked rows. */
export const DARK_ENOUGH = 0.15
export const LIGHT_ENOUGH = 0.265

export type Look = {
    color?: string
    backgroundColor?: string
    fontWeight?: string
    fontStyle?: string
    textDecorationLine?: string
}

export function look(style: Style): Look {
    const [front, back] = style.reverse ? [style.back, style.front] : [style.front, style.back]
    const ground = back !== null ? css(back) : style.reverse ? 'var(--text)' : null
    const lines = [style.underline && 'underline', style.struck && 'line-through'].filter(Boolean).join(' ')
    return {
        ...(ground !== null
            ? { backgroundColor: ground, color: 'var(--bg)' }
            : front !== null
              ? { color: css(front) }
              : style.dim
                ? { color: 'var(--text-muted)' }
                : {}),
        ...(style.bold && { fontWeight: 'var(--bold)' }),
        ...(style.italic && { fontStyle: 'italic' }),
        ...(lines && { textDecorationLine: lines }),
    }
}

function css(colour: Colour): string {
    if (colour < TRUE_COLOUR) return `var(--ansi-${colour})`
    return `light-dark(${hex(darkEnough(colour))}, ${hex(lightEnough(colour))})`
}

type Linear = readonly [number, number, number]

/** The colour, or the lightest of its hue that can be read on white. */
export function darkEnough(colour: Colour): Linear {
    const lights = linear(colour)
    const scale = Math.min(1, DARK_ENOUGH / luminance(lights))
    return lights.map((light) => light * scale) as unknown as Linear
}

/** The colour, or the darkest of its hue, mixed with white, that can be read on the dark page. */
export function lightEnough(colour: Colour): Linear {
    const lights = linear(colour)
    const now = luminance(lights)
    const white = Math.max(0, (LIGHT_ENOUGH - now) / (1 - now))
    return lights.map((light) => light + white * (1 - light)) as unknown as Linear
}

export function luminance([red, green, blue]: Linear): number {
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

export function linear(colour: Colour): Linear {
    return [16, 8, 0].map((shift) => {
        const part = ((colour >> shift) & 0xff) / 255
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    }) as unknown as Linear
}

function hex(lights: Linear): string {
    const parts = lights.map((light) => {
        const part = light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055
        return Math.round(part * 255)
            .toString(16)
            .padStart(2, '0')
    })
    return `#${parts.join('')}`
}
