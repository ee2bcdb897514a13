/** Figures in units that people read: cores, %, MiB and GiB, MiB/s. Base units come in. Pure. */

/** What all figures of a chart are divided by, and the unit that they have then; `cores` is a word in each language. */
export type Scale = { readonly divide: number; readonly unit: string }

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
const RATES = BINARY.map((unit) => `${unit}/s`)

/** The scale in which the largest figure of a chart has one to four digits before the point. */
export function scaleOf(unit: string, largest: number): Scale {
    if (unit === 'ratio') return { divide: 0.01, unit: '%' }
    if (unit === 'bytes') return stepped(BINARY, 1024, largest)
    if (unit === 'bytes_per_second') return stepped(RATES, 1024, largest)
    return { divide: 1, unit: unit === 'cores' ? 'cores' : '' }
}

function stepped(units: readonly string[], step: number, largest: number): Scale {
    let at = 0
    while (at < units.length - 1 && largest >= step ** (at + 1)) at++
    return { divide: step ** at, unit: units[at] ?? '' }
}

/** The number in this scale with about three digits; very small and very large ones in scientific notation, but for
 *  cores, of which nobody counts less than a thousandth. */
export function digits(value: number, scale: Scale, language: string): string {
    const amount = value / scale.divide
    const size = Math.abs(amount)
    if ((size !== 0 && size < 0.001 && scale.unit !== 'cores') || size >= 1e6) return amount.toExponential(2)
    return new Intl.NumberFormat(language, {
        maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3,
    }).format(amount)
}

/** A figure alone, with its unit: `65.6 MiB`, `12 %`. */
export function amount(value: number, unit: string, language: string): string {
    const scale = scaleOf(unit, value)
    return `${digits(value, scale, language)} ${scale.unit}`.trimEnd()
}

/** The distances that lines of a grid may have: 1, 2 and 5 of each power of ten, in this scale. */
export function increments(scale: Scale): number[] {
    return Array.from({ length: 24 }, (_, power) =>
        [1, 2, 5].map((step) => step * 10 ** (power - 9) * scale.divide),
    ).flat()
}
