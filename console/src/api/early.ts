/**
 * Answers that were asked for before the page's code was there: who is signed in, and the first rows of a list.
 *
 * Each counts once, for whoever asks for the same address first, and soon: later it would be old.
 */

const COUNTS_MS = 5000

type Early = { answer: Promise<Response>; asked: number }
const asked = new Map<string, Early>()

/** Ask now. */
export function askEarly(address: string): void {
    keepEarly(address, fetch(address, { credentials: 'same-origin' }))
}

/** Keep an answer that is on its way. */
export function keepEarly(address: string, answer: Promise<Response>): void {
    answer.catch(() => undefined)
    asked.set(keyOf(address), { answer, asked: performance.now() })
}

/** The answer to a GET that was asked for early, if there is one. */
export function takeEarly(address: string): Promise<Response> | null {
    const key = keyOf(address)
    const found = asked.get(key)
    asked.delete(key)
    return found !== undefined && performance.now() - found.asked < COUNTS_MS ? found.answer : null
}

/** The same for the same questions in another order. */
function keyOf(address: string): string {
    const url = new URL(address, location.origin)
    url.searchParams.sort()
    return url.pathname + url.search
}
