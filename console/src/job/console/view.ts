/** How somebody likes to look at consoles; remembered in this browser. */

import { reactive, watch } from 'vue'

export const COLUMNS = ['time', 'rank', 'stream', 'attempt'] as const
export type Column = (typeof COLUMNS)[number]

export type View = { columns: Column[]; wrap: boolean }

const STORED = 'jobyard.console'

export const view = reactive(first())

watch(view, (now) => localStorage.setItem(STORED, JSON.stringify(now)))

function first(): View {
    const usual: View = { columns: [], wrap: matchMedia('(max-width: 640px)').matches }
    try {
        const stored = JSON.parse(localStorage.getItem(STORED) ?? '{}') as Partial<View>
        return {
            columns: COLUMNS.filter((column) => stored.columns?.includes(column)),
            wrap: typeof stored.wrap === 'boolean' ? stored.wrap : usual.wrap,
        }
    } catch {
        return usual
    }
}
