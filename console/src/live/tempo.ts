/**
 * When something that is due may be fetched: while somebody looks, one at a time, and at most once a second, or
 * as seldom as whoever fetches likes. Pure.
 */

export const SHORTEST_MS = 1000

export type Tempo = { due: boolean; visible: boolean; busy: boolean; last: number }

/** How many milliseconds to wait; null: nothing to do until something else happens. */
export function wait({ due, visible, busy, last }: Tempo, now: number, shortest = SHORTEST_MS): number | null {
    if (!due || !visible || busy) return null
    return Math.max(0, last + shortest - now)
}
