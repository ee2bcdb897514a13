/** What a pasted public key says of itself. */

const NAME = /[^A-Za-z0-9._-]+/g

/** A name for the key: its comment, as far as a name may hold it. */
export function nameOf(publicKey: string): string {
    const comment = publicKey.trim().split(/\s+/).slice(2).join(' ')
    return comment
        .replace(NAME, '-')
        .replace(/^[-._]+|-+$/g, '')
        .slice(0, 64)
}
