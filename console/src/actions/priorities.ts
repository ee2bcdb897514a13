/** What one may type for a priority. Pure. */

export const LOWEST = 1
export const HIGHEST = 1000

/** The number in the text, or null where it is none that a job may have. */
export function priorityOf(text: string): number | null {
    const number = /^\s*\d{1,4}\s*$/.test(text) ? Number(text) : Number.NaN
    return number >= LOWEST && number <= HIGHEST ? number : null
}
