/**
 * Plain data as YAML that every reader takes for the same, those of YAML 1.1 included. Pure.
 *
 * Invariant: no text is read as anything else: what is not plainly a word is in quotes, with the escapes of JSON.
 */

import { UNPRINTED } from '@/ui/shell'

type Data = string | number | boolean | null | readonly Data[] | { readonly [name: string]: Data }

const WORDS = /^[A-Za-z/][A-Za-z0-9_./@+-]*( [A-Za-z0-9_./@+=-]+)*$/
const NO_TEXT = /^(y|n|yes|no|on|off|true|false|null)$/i

export function yaml(fields: Readonly<Record<string, Data>>): string {
    return mapped(fields, '')
}

function mapped(fields: Readonly<Record<string, Data>>, indent: string): string {
    return Object.entries(fields)
        .map(([name, value]) => `${indent}${quotedScalar(name)}:${below(value, indent)}`)
        .join('')
}

/** What stands after `name:`. */
function below(value: Data, indent: string): string {
    if (typeof value !== 'object' || value === null) return ` ${scalar(value, indent)}\n`
    if (isList(value)) return `\n${value.map((item) => `${indent}  - ${inList(item, `${indent}    `)}`).join('')}`
    return `\n${mapped(value, `${indent}  `)}`
}

function inList(item: Data, indent: string): string {
    if (typeof item !== 'object' || item === null) return `${scalar(item, indent.slice(2))}\n`
    return isList(item) ? `${JSON.stringify(item)}\n` : mapped(item, indent).trimStart()
}

function scalar(value: string | number | boolean | null, indent: string): string {
    if (typeof value !== 'string') return String(value)
    return isBlock(value) ? block(value, `${indent}  `) : quotedScalar(value)
}

/** Several lines that stand for themselves, without anything that is lost or hard to see. */
function isBlock(text: string): boolean {
    return /^[^\s][^]*\n[^]*[^\s]\n?$/.test(text) && !UNPRINTED.test(text) && !/[^\S\n](\n|$)/.test(text)
}

function block(text: string, indent: string): string {
    const ends = text.endsWith('\n')
    const lines = (ends ? text.slice(0, -1) : text).split('\n')
    return [ends ? '|' : '|-', ...lines.map((line) => (line === '' ? '' : `${indent}${line}`))].join('\n')
}

function quotedScalar(text: string): string {
    if (WORDS.test(text) && !NO_TEXT.test(text)) return text
    return printable(JSON.stringify(text))
}

/** JSON with escapes for what no reader of YAML takes, and what turns the writing. */
export function printable(json: string): string {
    return json.replace(new RegExp(UNPRINTED, 'g'), escaped)
}

function escaped(character: string): string {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function isList(value: object): value is readonly Data[] {
    return Array.isArray(value)
}
