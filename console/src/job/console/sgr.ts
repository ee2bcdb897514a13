/** SGR, the escape sequence that says how what follows looks (ECMA-48, and xterm's colours). Pure. */

/** 0 to 15: one of the palette; from TRUE_COLOUR on: that and 0xrrggbb. */
export type Colour = number

export const TRUE_COLOUR = 0x1000000

export type Style = {
    readonly front: Colour | null
    readonly back: Colour | null
    readonly bold: boolean
    readonly dim: boolean
    readonly italic: boolean
    readonly underline: boolean
    readonly struck: boolean
    readonly reverse: boolean
}

export const PLAIN: Style = Object.freeze({
    front: null,
    back: null,
    bold: false,
    dim: false,
    italic: false,
    underline: false,
    struck: false,
    reverse: false,
})

/** What each parameter without arguments changes. "Concealed" is none of them: nothing in a console is hidden. */
const CHANGES: Readonly<Record<number, Partial<Style>>> = {
    1: { bold: true },
    2: { dim: true },
    3: { italic: true },
    4: { underline: true },
    7: { reverse: true },
    9: { struck: true },
    21: { underline: true },
    22: { bold: false, dim: false },
    23: { italic: false },
    24: { underline: false },
    27: { reverse: false },
    29: { struck: false },
    39: { front: null },
    49: { back: null },
}

/** Of one sequence; nobody needs as many. */
const MOST_CODES = 64

/** The style after the parameters of one SGR sequence, `PLAIN` itself where nothing is left of it. */
export function styled(style: Style, parameters: string): Style {
    if (/[<=>?]/.test(parameters)) return style
    const codes = parameters.split(';', MOST_CODES)
    let now = style
    for (let at = 0; at < codes.length; at++) {
        const [code, ...within] = (codes[at] ?? '').split(':')
        const number = Number(code)
        if (number === 38 || number === 48 || number === 58) {
            const given = within.length > 0 ? within : codes.slice(at + 1, at + 5)
            const { colour, taken } = extended(given, within.length > 0)
            if (within.length === 0) at += taken
            if (colour !== null && number !== 58) now = { ...now, [number === 38 ? 'front' : 'back']: colour }
        } else if (number === 0) now = PLAIN
        else if (number === 4 && within[0] === '0') now = { ...now, underline: false }
        else now = { ...now, ...CHANGES[number], ...ofPalette(number) }
    }
    return same(now, PLAIN) ? PLAIN : now
}

function ofPalette(code: number): Partial<Style> {
    if (code >= 30 && code <= 37) return { front: code - 30 }
    if (code >= 90 && code <= 97) return { front: code - 82 }
    if (code >= 40 && code <= 47) return { back: code - 40 }
    if (code >= 100 && code <= 107) return { back: code - 92 }
    return {}
}

/** `5;n` or `2;r;g;b`; between colons there may be a colour space as well: `2::r:g:b`. */
function extended(given: readonly string[], colons: boolean): { colour: Colour | null; taken: number } {
    if (given[0] === '5') return { colour: ofCube(byte(given[1])), taken: 2 }
    if (given[0] !== '2') return { colour: null, taken: given.length > 0 ? 1 : 0 }
    const parts = given.slice(colons && given.length > 4 ? 2 : 1, colons && given.length > 4 ? 5 : 4).map(byte)
    const [red, green, blue] = parts
    if (red == null || green == null || blue == null) return { colour: null, taken: 4 }
    return { colour: TRUE_COLOUR | (red << 16) | (green << 8) | blue, taken: 4 }
}

/** xterm's 256 colours: the palette, a cube of 6 by 6 by 6, and 24 greys. */
function ofCube(number: number | null): Colour | null {
    if (number === null || number < 16) return number
    if (number >= 232) {
        const grey = 8 + (number - 232) * 10
        return TRUE_COLOUR | (grey << 16) | (grey << 8) | grey
    }
    const [red, green, blue] = [36, 6, 1].map((place) => {
        const step = Math.floor((number - 16) / place) % 6
        return step === 0 ? 0 : 55 + step * 40
    }) as [number, number, number]
    return TRUE_COLOUR | (red << 16) | (green << 8) | blue
}

function byte(text: string | undefined): number | null {
    return text !== undefined && /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : null
}

function same(one: Style, other: Style): boolean {
    return (Object.keys(PLAIN) as (keyof Style)[]).every((key) => one[key] === other[key])
}
