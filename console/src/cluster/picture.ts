/** How the devices of a node are drawn: who holds each, told by colour and letter, neighbours of one job as one. Pure. */

import type { ClusterDevices, SlotHolder } from '@/api/schema'

/** Of a virtual cluster: one of the eight colours of charts, and a letter, so that colours are never needed. */
export type Mark = { colour: number; letter: string }

const COLOURS = 8

/** Of each virtual cluster, in the order of their names: the first letter of its name that is not taken yet. */
export function marksOf(vcs: readonly string[]): Map<string, Mark> {
    const taken = new Set<string>()
    return new Map(
        [...vcs].sort().map((vc, place) => {
            const letters = [...vc.toUpperCase()].filter((letter) => /[A-Z0-9]/.test(letter))
            const letter = letters.find((one) => !taken.has(one)) ?? letters[0] ?? '?'
            taken.add(letter)
            return [vc, { colour: (place % COLOURS) + 1, letter }]
        }),
    )
}

/** `mine`, of somebody whose job one may see, `foreign`: held, and no more is known; or nobody's. */
export type SlotKind = 'mine' | 'seen' | 'foreign' | 'free' | 'resting' | 'closed'

/** Devices side by side that are the same thing. */
export type Run = { kind: SlotKind; holder: SlotHolder | null; first: number; count: number }

/** `closed`: the node gives out nothing of what nobody holds. */
export function runsOf({ slots, resting }: ClusterDevices, reader: string, closed = false): Run[] {
    const runs: Run[] = []
    let rests = resting
    const idle = (): SlotKind => (closed ? 'closed' : rests-- > 0 ? 'resting' : 'free')
    slots.forEach((holder, at) => {
        const kind = holder === null ? idle() : kindOf(holder, reader)
        const last = runs.at(-1)
        if (last?.kind === kind && last.holder?.job_id === holder?.job_id) last.count += 1
        else runs.push({ kind, holder, first: at, count: 1 })
    })
    return runs
}

function kindOf(holder: SlotHolder, reader: string): SlotKind {
    if (holder.job_id === null) return 'foreign'
    return holder.owner === reader ? 'mine' : 'seen'
}
