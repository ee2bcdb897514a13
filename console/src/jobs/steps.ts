/** Which row a key leads to. Pure. */

/** The place of the row, or null where the key leads nowhere; `place` is null while no row is reached. */
export function stepped(key: string, place: number | null, rows: number, away: boolean): number | null {
    if (rows === 0 || (away && key !== 'j' && key !== 'k')) return null
    if (key === 'j' || key === 'ArrowDown') return place === null ? 0 : Math.min(place + 1, rows - 1)
    if (key === 'k' || key === 'ArrowUp') return place === null ? rows - 1 : Math.max(place - 1, 0)
    if (place === null) return null
    if (key === 'Home') return 0
    return key === 'End' ? rows - 1 : null
}
