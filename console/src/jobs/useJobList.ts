/**
 * The page of a list that is on the screen, kept up to date.
 *
 * Events bring rows up to date where they stand. A newer page is shown when it comes; while `held` (somebody points at
 * a row, edits or has selected one, or a dialog is open) its rows are brought up to date but none moves, and `changes`
 * says how many would.
 */

import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, shallowReadonly, shallowRef, watch, type Ref } from 'vue'
import { useAnswers } from '@/actions/acting'
import type { Job, JobEvent, JobPage } from '@/api/schema'
import { isOver } from '@/api/statuses'
import { heard } from '@/jobs/news'
import { fetchPage } from '@/jobs/pages'
import { changes, inPlace, upToDate } from '@/jobs/rows'
import { afresh, useTempo } from '@/live/useTempo'
import { isImpossible, paramsOf, type ListView, type Params } from '@/jobs/view'
import { useEvents } from '@/live/events'
import { useSession } from '@/session/session'

const NO_JOBS: JobPage = { items: [], total: 0, total_is: 'exact', next_cursor: null, prev_cursor: null }

export function useJobList(view: Ref<ListView>, held: Ref<boolean>) {
    const { me } = useSession()
    const params = computed(() => paramsOf(view.value))
    const query = useQuery({
        queryKey: ['jobs', params],
        queryFn: ({ signal }) => (isImpossible(view.value) ? NO_JOBS : fetchPage(params.value, signal)),
        placeholderData: keepPreviousData,
        // Hundreds of fields are read for each page: as they are, not through a proxy for each.
        shallow: true,
        structuralSharing: false,
        staleTime: 0,
    })
    const page = shallowRef<JobPage | null>(null)
    const behind = shallowRef<JobPage | null>(null)
    const shownFor = shallowRef<Params | null>(null)
    const tempo = useTempo(() => afresh(query))

    watch(
        [query.data, query.isPlaceholderData],
        ([fresh, borrowed]) => {
            if (fresh === undefined || borrowed) return
            if (page.value === null || shownFor.value !== params.value) show(fresh)
            else arrive(page.value, fresh)
            shownFor.value = params.value
        },
        { immediate: true },
    )
    watch(held, (isHeld) => {
        if (!isHeld) catchUp()
    })

    function show(fresh: JobPage) {
        page.value = fresh
        behind.value = null
    }

    function arrive(shown: JobPage, answer: JobPage) {
        const fresh = { ...answer, items: upToDate(answer.items, shown.items) }
        if (!held.value || changes(shown.items, fresh.items) === 0) return show(fresh)
        page.value = { ...fresh, items: inPlace(shown.items, fresh.items) }
        behind.value = fresh
    }

    function catchUp() {
        if (behind.value && page.value) show({ ...behind.value, items: upToDate(behind.value.items, page.value.items) })
    }

    function patch(event: JobEvent) {
        if (query.isPlaceholderData.value) tempo.due()
        if (!page.value) return tempo.due()
        const { rows, due } = heard(view.value, page.value.items, event, me.value?.name ?? '')
        if (rows !== page.value.items) page.value = { ...page.value, items: [...rows] }
        if (due) tempo.due()
    }

    useEvents((what) => {
        if (what.kind === 'event') patch(what.event)
        else if (what.kind === 'reset') tempo.due()
        else if (what.kind === 'queue' && page.value?.items.some(({ status }) => status === 'queued')) tempo.due()
        else if (what.kind === 'nodes' && page.value?.items.some(({ status }) => !isOver(status))) tempo.due()
    })
    useAnswers((job: Job) => {
        if (page.value) page.value = { ...page.value, items: inPlace(page.value.items, [job]) }
    })

    return {
        page,
        /** What the rows on the screen were asked for by; anew when they are others. */
        shownFor: shallowReadonly(shownFor),
        /** How many rows would come, go or move. */
        changes: computed(() => (behind.value && page.value ? changes(page.value.items, behind.value.items) : 0)),
        catchUp,
        /** Another view is asked for, and the one before is still on the screen. */
        loading: computed(() => query.isPlaceholderData.value || (query.isPending.value && page.value === null)),
        /** Of this view: rows that are on the screen stay, also when they could not be fetched again. */
        error: computed(() => (shownFor.value === params.value ? null : query.error.value)),
        retry: () => void query.refetch(),
    }
}
