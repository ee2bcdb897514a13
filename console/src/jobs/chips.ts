/** The conditions of a view, one by one, each with the view that no longer has it. Pure. */

import type { ListView } from '@/jobs/view'

export type Chip = {
    name:
        | 'q'
        | 'status'
        | 'vc'
        | 'owner'
        | 'deviceType'
        | 'preemptible'
        | 'label'
        | 'after'
        | 'before'
        | 'endedAfter'
        | 'endedBefore'
    value: string
    without: Partial<ListView>
    /** The value is a moment. */
    moment?: true
}

export function chipsOf(view: ListView): Chip[] {
    const chips: Chip[] = []
    if (view.q) chips.push({ name: 'q', value: view.q, without: { q: '' } })
    if (view.status.length) chips.push({ name: 'status', value: view.status.join(', '), without: { status: [] } })
    if (view.vc) chips.push({ name: 'vc', value: view.vc, without: { vc: '' } })
    if (view.owner) chips.push({ name: 'owner', value: view.owner, without: { owner: '' } })
    if (view.deviceType) chips.push({ name: 'deviceType', value: view.deviceType, without: { deviceType: '' } })
    if (view.preemptible !== null)
        chips.push({ name: 'preemptible', value: view.preemptible ? 'yes' : 'no', without: { preemptible: null } })
    for (const label of view.label)
        chips.push({ name: 'label', value: label, without: { label: view.label.filter((other) => other !== label) } })
    if (view.submittedAfter)
        chips.push({ name: 'after', value: view.submittedAfter, without: { submittedAfter: '' }, moment: true })
    if (view.submittedBefore)
        chips.push({ name: 'before', value: view.submittedBefore, without: { submittedBefore: '' }, moment: true })
    if (view.finishedAfter)
        chips.push({ name: 'endedAfter', value: view.finishedAfter, without: { finishedAfter: '' }, moment: true })
    if (view.finishedBefore)
        chips.push({ name: 'endedBefore', value: view.finishedBefore, without: { finishedBefore: '' }, moment: true })
    return chips
}
