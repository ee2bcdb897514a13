import { expect, it } from 'vitest'
import { quoted, UNPRINTED, visible } from '@/ui/shell'

it('leaves a text that can be seen as it is', () => {
    for (const text of ['python train.py', "it's\n\ttwo lines", '训练 --学习率 0.1', 'état 🙂', ''])
        expect(visible(text)).toBe(text)
})

it('writes what a terminal would obey so that it can be seen, as a shell reads it back', () => {
    const cases: [string, string][] = [
        ['echo \x1b[2J', "$'echo \\x1b[2J'"],
        ['a\rrm -rf ~', "$'a\\rrm -rf ~'".replace('\\r', '\\x0d')],
        ["it's \\ \x07", "$'it\\'s \\\\ \\x07'"],
        ['one\ntwo\tthree\x7f', "$'one\\ntwo\\tthree\\x7f'"],
        ['\u009b31m', "$'\\u009b31m'"],
        ['\u202ecod.exe', "$'\\u202ecod.exe'"],
        ['\0', "$'\\x00'"],
    ]
    for (const [text, shown] of cases) {
        expect(visible(text)).toBe(shown)
        expect(quoted(text)).toBe(shown)
        expect(UNPRINTED.test(shown)).toBe(false)
    }
})

it('quotes an argument where a shell would take it apart', () => {
    expect(['a-b_c.d/e=f', 'a b', "it's", '$HOME', ''].map(quoted)).toEqual([
        'a-b_c.d/e=f',
        "'a b'",
        `'it'"'"'s'`,
        "'$HOME'",
        "''",
    ])
})
