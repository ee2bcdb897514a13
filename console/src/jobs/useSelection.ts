/** Which rows are selected. Those that leave the page leave the selection. */

import { computed, ref, type Ref } from 'vue'
import type { Job } from '@/api/schema'

export function useSelection(rows: Ref<readonly Job[]>) {
    const ids = ref<ReadonlySet<string>>(new Set())
    const jobs = computed(() => rows.value.filter(({ id }) => ids.value.has(id)))
    let last: string | null = null

    function set(wanted: Iterable<string>) {
        ids.value = new Set(wanted)
    }

    /** With `range` all from the one before to this one, as lists do with Shift. */
    function toggle(id: string, range = false) {
        const next = new Set(jobs.value.map((job) => job.id))
        const order = rows.value.map((job) => job.id)
        const from = range && last !== null ? order.indexOf(last) : -1
        const to = order.indexOf(id)
        const meant = from < 0 ? [id] : order.slice(Math.min(from, to), Math.max(from, to) + 1)
        const add = !next.has(id)
        meant.forEach((one) => (add ? next.add(one) : next.delete(one)))
        last = id
        set(next)
    }

    return {
        jobs,
        has: (id: string) => ids.value.has(id),
        toggle,
        all: computed(() => rows.value.length > 0 && jobs.value.length === rows.value.length),
        toggleAll: () => set(jobs.value.length === rows.value.length ? [] : rows.value.map(({ id }) => id)),
        clear: () => set([]),
    }
}
