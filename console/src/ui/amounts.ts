/** Amounts in words that people read. Pure. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `512 B`, `1.5 MiB`, `24 GiB`: three digits at most, in powers of 1,024. */
export function bytes(amount: number): string {
    let [rest, unit] = [Math.max(0, amount), 0]
    while (rest >= 1023.5 && unit < UNITS.length - 1) {
        rest /= 1024
        unit += 1
    }
    return `${three(rest)} ${UNITS[unit]}`
}

/** `12 %`, `0.4 %`. */
export function share(part: number): string {
    return `${three(part * 100)} %`
}

/** Three digits that count: `0.125`, `3.5`, `12.3`, `1024`. */
export function three(amount: number): string {
    return amount >= 100 ? String(Math.round(amount)) : String(Number(amount.toPrecision(3)))
}
