/** Keys that make the repetition of a request harmless (`Idempotency-Key`). */

/** A new one, also where a page has no `crypto.randomUUID`. */
export function newKey(): string {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
