/** A console line as text alone: what terminals take for colours, titles, links or movements is left out. Pure. */

/** CSI, OSC and other string sequences, two-byte escapes, and control characters but for the tab. */

const ESCAPES =
    /\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g

/** Of a line that a progress bar rewrote, what stood there last. */
export function plain(text: string): string {
    const last = text.replace(/\r+$/, '').split('\r').at(-1) ?? ''
    return last.replace(ESCAPES, '')
}
