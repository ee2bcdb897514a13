/** A receipt in figures that people read. Pure. */

import type { Receipt } from '@/api/schema'

/** `nothing`: nothing was running; else for how long what it held worked in vain. */
export type Cost = { kind: 'nothing' } | { kind: 'lost'; seconds: number }

export function costOf(receipt: Pick<Receipt, 'stopped_at' | 'lost_since'>): Cost {
    const { stopped_at: stopped, lost_since: since } = receipt
    if (!stopped) return { kind: 'nothing' }
    const seconds = since ? (Date.parse(stopped) - Date.parse(since)) / 1000 : 0
    return { kind: 'lost', seconds: Math.max(0, seconds) }
}
