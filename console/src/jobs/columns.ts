/** The columns of the lists, in the order of the platform's manual, and which of them somebody wants to see. */

import { readonly, ref } from 'vue'
import type { TermName } from '@/locales/terms'
import type { Scope } from '@/jobs/view'

export const COLUMNS = [
    { key: 'id', term: 'Id', sort: 'id' },
    { key: 'name', term: 'Name', sort: 'name' },
    { key: 'user', term: 'User', sort: 'user' },
    { key: 'status', term: 'Status', sort: 'status' },
    { key: 'devices', term: 'Number of Device', sort: 'devices' },
    { key: 'preemptible', term: 'Preemptible', sort: 'preemptible' },
    { key: 'priority', term: 'Priority', sort: 'priority' },
    { key: 'submitted', term: 'Submitted', sort: 'submitted' },
    { key: 'started', term: 'Started', sort: 'started' },
    { key: 'finished', term: 'Finished', sort: 'finished' },
    { key: 'actions', term: 'Actions', sort: null },
] as const satisfies readonly { key: string; term: TermName; sort: string | null }[]

export type Column = (typeof COLUMNS)[number]
export type ColumnKey = Column['key']

/** Id leads to the job, so it stays. */
export const FIXED: readonly ColumnKey[] = ['id']

const STORED = 'jobyard.columns.hidden'
const hidden = ref<readonly ColumnKey[]>(remembered())

export const hiddenColumns = readonly(hidden)

/** Those that a list shows. `User` belongs to ALL JOBS: in MY JOBS it is always oneself. */
export function columnsOf(scope: Scope): Column[] {
    return offered(scope).filter((column) => !hidden.value.includes(column.key))
}

/** Those that one may choose from. */
export function offered(scope: Scope): Column[] {
    return COLUMNS.filter((column) => column.key !== 'user' || scope === 'all')
}

/** Show or hide a column, and remember it. */
export function toggleColumn(key: ColumnKey): void {
    if (FIXED.includes(key)) return
    hidden.value = hidden.value.includes(key) ? hidden.value.filter((other) => other !== key) : [...hidden.value, key]
    localStorage.setItem(STORED, hidden.value.join(','))
}

function remembered(): ColumnKey[] {
    const names = (localStorage.getItem(STORED) ?? '').split(',')
    return COLUMNS.map(({ key }) => key).filter((key) => names.includes(key) && !FIXED.includes(key))
}
