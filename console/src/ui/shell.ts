/**
 * What is copied for a shell, or for a terminal at all. Pure.
 *
 * Invariant: nothing that is copied from a job holds what a terminal would obey or show in another order than it stands:
 * whoever pastes another person's command gets what the page has shown. Line feeds and tabs are what they are.
 */

/** What steers a terminal, ends a line for some readers, or turns the direction of writing. */
export const UNPRINTED = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/

const EACH = new RegExp(UNPRINTED, 'g')

/** An argument as a shell would take it. */
export function quoted(argument: string): string {
    if (UNPRINTED.test(argument)) return written(argument)
    if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(argument)) return argument
    return `'${argument.replaceAll("'", `'"'"'`)}'`
}

/** The text itself, if every character of it can be seen; else one word that bash and zsh read as this very text. */
export function visible(text: string): string {
    return UNPRINTED.test(text) ? written(text) : text
}

/** With the escapes of `$'...'`. */
function written(text: string): string {
    const escaped = text.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t').replace(EACH, escape)
    return `$'${escaped}'`
}

function escape(character: string): string {
    const code = character.charCodeAt(0)
    return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}
