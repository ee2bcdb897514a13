import { describe, expect, it } from 'vitest'
import { Painter, type Shown } from '@/job/console/ansi'
import { PLAIN, TRUE_COLOUR } from '@/job/console/sgr'

const paint = (line: string): Shown => new Painter().paint(line)
const text = (line: string): string => paint(line).text
const ESC = '\u001b'

it('gives up erasing in a line that is made to hold the page up', () => {
    const { text } = paint(`${'x'.repeat(8000)}\r${`${ESC}[K`.repeat(2700)}y`)
    expect(text.startsWith('y')).toBe(true)
    expect(paint(`${ESC}[${'1;'.repeat(8000)}m.`).text).toBe('.')
})

describe('a line of output', () => {
    it('stays as it is where nothing is special about it', () => {
        expect(paint('loss=0.31\t中文 <b>& 🙂')).toEqual({ text: 'loss=0.31\t中文 <b>& 🙂', runs: null })
    })

    it('takes colours and weights from SGR', () => {
        const { text, runs } = paint(`a${ESC}[1;31mb${ESC}[0;4mc${ESC}[md`)
        expect(text).toBe('abcd')
        expect(runs?.map((run) => [run.text, run.style])).toEqual([
            ['a', PLAIN],
            ['b', { ...PLAIN, bold: true, front: 1 }],
            ['c', { ...PLAIN, underline: true }],
            ['d', PLAIN],
        ])
    })

    it.each([
        ['38;5;9', 9],
        ['38;5;16', TRUE_COLOUR],
        ['38;5;231', TRUE_COLOUR | 0xffffff],
        ['38;5;244', TRUE_COLOUR | 0x808080],
        ['38;2;1;2;3', TRUE_COLOUR | 0x010203],
        ['38:2::1:2:3', TRUE_COLOUR | 0x010203],
        ['38:2:1:2:3', TRUE_COLOUR | 0x010203],
        ['38:5:12', 12],
        ['97', 15],
    ])('knows the colour %s', (parameters, colour) => {
        expect(paint(`${ESC}[${parameters}mx`).runs?.[0]?.style).toEqual({ ...PLAIN, front: colour })
    })

    it.each(['38;5;256', '38;2;1;2', '38;2;1;2;999', '38', '38;7;1', '999', '?31', '1:2:3:4;bogus'])(
        'gives no colour for the wrong %s',
        (parameters) => {
            expect(paint(`${ESC}[${parameters}mx`).runs?.[0]?.style.front ?? null).toBeNull()
        },
    )

    it('shows what is said to be concealed', () => {
        expect(paint(`${ESC}[8msecret`)).toEqual({ text: 'secret', runs: null })
    })

    it('keeps a colour on for the next line', () => {
        const painter = new Painter()
        painter.paint(`${ESC}[32mgreen`)
        expect(painter.paint('still green').runs?.[0]?.style.front).toBe(2)
        painter.paint(`${ESC}[0m`)
        expect(painter.paint('plain').runs).toBeNull()
    })

    it.each([
        ['a link', `${ESC}]8;;https://example.org${ESC}\\here${ESC}]8;;${ESC}\\`, 'here'],
        ['the clipboard', `a${ESC}]52;c;cm0gLXJm\u0007b`, 'ab'],
        ['a title that never ends', `a${ESC}]0;title`, 'a'],
        ['a device control string', `a${ESC}P1$r0m${ESC}\\b`, 'ab'],
        ['an application command', `a${ESC}_payload${ESC}\\b`, 'ab'],
        ['eight-bit introducers', 'a\u009b31mb\u009d52;c;x\u009cc', 'abc'],
        ['movements of the cursor', `a${ESC}[2A${ESC}[10;10Hb`, 'ab'],
        ['private modes', `${ESC}[?25la${ESC}[?1049hb`, 'ab'],
        ['questions to the terminal', `${ESC}[6na${ESC}[cb${ESC}Zc`, 'abc'],
        ['character sets', `${ESC}(0a${ESC})Bb`, 'ab'],
        ['a sequence that is cut', `a${ESC}[31`, 'a'],
        ['a lone escape', `a${ESC}`, 'a'],
        ['a bell, a null and others', 'a\u0007\u0000\u000b\u007f\u0085b', 'ab'],
    ])('takes away %s', (_, line, shown) => {
        expect(text(line)).toBe(shown)
    })

    it.each([
        ['0%\r50%\r100%', '100%'],
        ['longer than\rnew', 'newger than'],
        [`longer than\r${ESC}[Knew`, 'new'],
        [`longer than${ESC}[2K\rnew`, 'new'],
        ['spin |\b/\b-', 'spin -'],
        ['\b\bx', 'x'],
        ['中文\r英', '英文'],
    ])('rewrites %j as a terminal does', (line, shown) => {
        expect(text(line)).toBe(shown)
    })

    it('keeps the colours of what a progress bar wrote last', () => {
        const { runs } = paint(`${ESC}[31m 10%${ESC}[0m\r${ESC}[32m 90%${ESC}[0m`)
        expect(runs?.map((run) => [run.text, run.style.front])).toEqual([[' 90%', 2]])
    })

    it('bounds the elements that one line takes', () => {
        const { text, runs } = paint(Array.from({ length: 3000 }, (_, n) => `${ESC}[38;5;${n % 256}mx`).join(''))
        expect(text).toBe('x'.repeat(3000))
        expect(runs?.length).toBeLessThan(500)
    })

    it('lets nothing through but text, whatever comes', () => {
        const parts = [
            ESC,
            '[',
            ']',
            ';',
            '8',
            '38',
            '2',
            'm',
            'K',
            '\r',
            '\b',
            '\u0007',
            '\\',
            'a',
            '中',
            '\u009b',
            '?',
            'P',
        ]
        let seed = 7
        const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below
        const painter = new Painter()
        for (let round = 0; round < 3000; round++) {
            const line = Array.from({ length: random(40) }, () => parts[random(parts.length)]).join('')
            const shown = painter.paint(line)
            expect(shown.text).not.toMatch(/\p{Cc}/u)
            expect(shown.runs?.map((run) => run.text).join('') ?? shown.text).toBe(shown.text)
        }
    })

    it('takes its time by length alone', () => {
        const line = `${ESC}]`.repeat(8000) + `${ESC}[1;`.repeat(3000) + '\r'.repeat(10_000)
        expect(text(line)).toBe('')
    })
})
