/**
 * What a terminal would show of a line of output: its text, and how each part of it looks.
 *
 * Of all escape sequences only SGR (colours, weights) does anything, and "erase in line", since progress bars use it to
 * rewrite theirs. Every other one is taken away whole, with what it carries (OSC 8 links, OSC 52 clipboards, titles), and
 * so are control characters. Pure but for the style that one line leaves to the next.
 */

import { styled, PLAIN, type Style } from '@/job/console/sgr'

export type Run = { readonly text: string; readonly style: Style }

/** A line as it is shown; `runs` is null where all of it looks plain. */
export type Shown = { readonly text: string; readonly runs: readonly Run[] | null }

const SPECIAL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/
const TOKEN = new RegExp(
    [
        String.raw`(?<text>[^\u0000-\u0008\u000a-\u001f\u007f-\u009f]+)`,
        // CSI: parameters, intermediates, and a final byte, which is missing from one that is cut or malformed.
        String.raw`(?:\u001b\[|\u009b)(?<params>[0-?]*)(?<between>[ -/]*)(?<final>[@-~])?`,
        // OSC, DCS, SOS, PM, APC: up to their end, or to that of the line.
        String.raw`(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^]*?(?:[\u0007\u0018\u001a\u009c]|\u001b\\|$)`,
        String.raw`\u001b[ -/]*[0-~]?`,
        String.raw`(?<control>[^])`,
    ].join('|'),
    'gu',
)

/** The most changes of its look that one line shows; after them it is plain. Each costs the browser an element. */
const MOST_RUNS = 400

/** What "erase in line" leaves: looks plain, and is nothing at the end of a line. */
const ERASED: Style = { ...PLAIN }

/** Paints the lines of one stream of one run in their order: a colour that a line leaves on is on in the next. */
export class Painter {
    private style = PLAIN

    /** A line that has not ended: what it turns on is not on yet in the next. */
    glance(line: string): Shown {
        const { style } = this
        const shown = this.paint(line)
        this.style = style
        return shown
    }

    paint(line: string): Shown {
        if (!SPECIAL.test(line))
            return { text: line, runs: this.style === PLAIN ? null : [{ text: line, style: this.style }] }
        const cells = new Cells()
        for (const { groups } of line.matchAll(TOKEN)) {
            const { text, params, between, final, control } = groups ?? {}
            if (text !== undefined) cells.write(text, this.style)
            else if (final === 'm' && between === '' && params !== undefined) this.style = styled(this.style, params)
            else if (final === 'K' && between === '') cells.erase(params ?? '')
            else if (control === '\r') cells.cursor = 0
            else if (control === '\b') cells.cursor = Math.max(0, cells.cursor - 1)
        }
        return cells.shown()
    }
}

/** The most cells that erasing touches in one line: a progress bar needs few, and a hostile line could stop the page. */
const ERASABLE = 1 << 16

/** The characters of one line, each with its style, and where the next one goes. */
class Cells {
    cursor = 0
    private erasable = ERASABLE
    private readonly characters: string[] = []
    private readonly styles: Style[] = []

    write(text: string, style: Style): void {
        for (const character of text) {
            this.characters[this.cursor] = character
            this.styles[this.cursor++] = style
        }
    }

    /** `0` or nothing: from the cursor on; `1`: up to it; `2`: all. */
    erase(which: string): void {
        const from = which === '1' || which === '2' ? 0 : this.cursor
        const to = which === '1' ? Math.min(this.cursor + 1, this.characters.length) : this.characters.length
        this.erasable -= Math.max(0, to - from)
        if (this.erasable < 0) return
        this.characters.fill(' ', from, to)
        this.styles.fill(ERASED, from, to)
    }

    shown(): Shown {
        let length = this.characters.length
        while (length > 0 && this.styles[length - 1] === ERASED) length--
        const runs: Run[] = []
        let start = 0
        for (let at = 1; at <= length; at++) {
            if (at < length && (runs.length === MOST_RUNS || this.styles[at] === this.styles[start])) continue
            const style = runs.length === MOST_RUNS ? PLAIN : (this.styles[start] ?? PLAIN)
            runs.push({ text: this.characters.slice(start, at).join(''), style })
            start = at
        }
        const text = runs.map((run) => run.text).join('')
        return { text, runs: runs.every((run) => run.style === PLAIN || run.style === ERASED) ? null : runs }
    }
}
