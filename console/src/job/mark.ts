/** The browser's tab says how the job is: by its title, and by an icon of the same shape as everywhere. */

import { onScopeDispose, watch, type Ref } from 'vue'
import { useRoute } from 'vue-router'
import type { Job, JobStatus } from '@/api/schema'

const ICONS = import.meta.glob<string>('@/assets/status/*.svg', { eager: true, query: '?url', import: 'default' })

export function titleOf(job: Pick<Job, 'status' | 'name'>): string {
    return `${job.status} · ${job.name} · Jobyard`
}

export function iconOf(status: JobStatus): string | undefined {
    return ICONS[`/src/assets/status/${status}.svg`]
}

/** Marks the tab while the page is shown, and puts its icon back afterwards. */
export function useTabMark(job: Ref<Job | undefined>): void {
    const route = useRoute()
    const link = document.querySelector<HTMLLinkElement>('link[rel=icon]')
    const before = link?.getAttribute('href')

    watch(
        [() => job.value?.status, () => job.value?.name, () => route.fullPath],
        () => {
            if (job.value === undefined) return
            document.title = titleOf(job.value)
            link?.setAttribute('href', iconOf(job.value.status) ?? before ?? '')
        },
        { immediate: true, flush: 'post' },
    )
    onScopeDispose(() => {
        if (before) link?.setAttribute('href', before)
    })
}
