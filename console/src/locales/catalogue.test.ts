/** Both catalogues are whole: what one language says the other says too, and no page says anything beside them. */

import { parse } from 'vue/compiler-sfc'
import { describe, expect, it } from 'vitest'
import en from '@/locales/en'
import { TERMS } from '@/locales/terms'
import zh from '@/locales/zh'

type Root = NonNullable<NonNullable<ReturnType<typeof parse>['descriptor']['template']>['ast']>
type Node = Root['children'][number]
type Tree = { readonly [key: string]: string | Tree }

const FILES = import.meta.glob<string>(
    ['/src/**/*.{vue,ts}', '!/src/**/*.test.ts', '!/src/locales/**', '!/src/api/*'],
    {
        query: '?raw',
        import: 'default',
        eager: true,
    },
)
const [EN, ZH] = [flat(en), flat(zh)]
const SOURCES = Object.values(FILES).join('\n')
const MADE = [...SOURCES.matchAll(/`([\w.]*\.\$\{[^`\n]*)`/g)].map((match) => pattern(match[1] ?? ''))
/** What a machine reads has no language. */
const CODE = ['code', 'kbd', 'pre', 'samp']
/** Names, units, and examples of what a machine reads. */
const NAMES = /^(Jobyard|[KMGT]iB|cpu)$/
const SENTENCE = /^\p{Lu}\p{Ll}+( |$)|\p{Script=Han}/u
const SPOKEN = ['title', 'alt', 'label', 'lead', 'text', 'hint', 'aria-label', 'aria-description']

function flat(tree: Tree, above = ''): Map<string, string> {
    const found = new Map<string, string>()
    for (const [key, value] of Object.entries(tree)) {
        if (typeof value === 'string') found.set(above + key, value)
        else flat(value, `${above}${key}.`).forEach((text, path) => found.set(path, text))
    }
    return found
}

function placeholders(text: string): string[] {
    return [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort()
}

/** Whether a source names this key: as it is, or as one that a template literal such as `jobs.${column}` may make. */
function isNamed(key: string): boolean {
    return SOURCES.includes(`'${key}'`) || SOURCES.includes(`"${key}"`) || MADE.some((made) => made.test(key))
}

function pattern(literal: string): RegExp {
    const parts = literal.split(/\$\{(?:[^{}]|\{[^}]*\})*\}/).map((part) => part.replaceAll('.', String.raw`\.`))
    return new RegExp(`^${parts.join(String.raw`[\w-]+`)}$`)
}

function* nodes(of: readonly Node[]): Generator<Node> {
    for (const node of of) {
        yield node
        if ('children' in node && !('tag' in node && CODE.includes(node.tag))) yield* nodes(node.children as Node[])
    }
}

/** Placeholders are examples of what goes into a field, in no language; but none of them a sentence. */
function isSpoken(name: string, value: string): boolean {
    return SPOKEN.includes(name) || (name === 'placeholder' && SENTENCE.test(value))
}

/** What a node says by itself: a piece of text, or an attribute that people hear or see. */
function spoken(node: Node): string[] {
    if ('props' in node)
        return node.props.flatMap((prop) =>
            'value' in prop && isSpoken(prop.name, prop.value?.content ?? '') ? [prop.value?.content ?? ''] : [],
        )
    return 'content' in node && typeof node.content === 'string' && node.loc.source[0] !== '<' ? [node.content] : []
}

function ownWords(source: string): string[] {
    return [...nodes(parse(source).descriptor.template?.ast?.children ?? [])]
        .flatMap(spoken)
        .map((text) => text.trim())
        .filter((text) => /\p{L}{2}/u.test(text) && !NAMES.test(text) && !(text in TERMS))
}

describe('the catalogues', () => {
    it('have the same keys', () => {
        expect([...ZH.keys()].sort()).toEqual([...EN.keys()].sort())
    })

    it('put the same things into each text', () => {
        const differ = [...EN].filter(([key, text]) => `${placeholders(text)}` !== `${placeholders(ZH.get(key) ?? '')}`)
        expect(differ.map(([key]) => key)).toEqual([])
    })

    it('leave no text empty, and have no English sentence where Chinese is meant', () => {
        const wanting = [...ZH].filter(
            ([key, text]) => text.trim() === '' || (text === EN.get(key) && / \w+ /.test(text)),
        )
        expect(wanting.map(([key]) => key)).toEqual([])
    })

    it('have no key that nothing says', () => {
        expect([...EN.keys()].filter((key) => !isNamed(key))).toEqual([])
    })

    it('are all that a template says', () => {
        const own = Object.entries(FILES)
            .filter(([path]) => path.endsWith('.vue'))
            .flatMap(([path, source]) => ownWords(source).map((text) => `${path}: ${text}`))
        expect(own).toEqual([])
    })
})
