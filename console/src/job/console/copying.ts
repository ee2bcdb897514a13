/** The text of rows, to be copied: lines as they are shown, without columns and notes. Pure. */

import type { Row } from '@/job/console/rows'

/** A place in a line: so many characters (UTF-16) after its beginning. */
export type Place = { readonly key: number; readonly offset: number }

/** From one place to another, whichever comes first; without places all lines. */
export function textOf(rows: readonly Row[], one?: Place, other?: Place): string {
    if (one === undefined || other === undefined)
        return rows.flatMap((row) => (row.kind === 'line' ? [row.text] : [])).join('\n')
    const forward = one.key < other.key || (one.key === other.key && one.offset <= other.offset)
    const [from, to] = forward ? [one, other] : [other, one]
    const lines: string[] = []
    for (const row of rows) {
        if (row.kind !== 'line' || row.key < from.key || row.key > to.key) continue
        lines.push(row.text.slice(row.key === from.key ? from.offset : 0, row.key === to.key ? to.offset : undefined))
    }
    return lines.join('\n')
}
