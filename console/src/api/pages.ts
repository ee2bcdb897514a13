/** A list of the gateway's that goes on from page to page, each added below the one before. */

import { useInfiniteQuery, type QueryKey } from '@tanstack/vue-query'
import { computed } from 'vue'

type Page<Item> = { items: readonly Item[]; next_cursor?: string | null }

/** `fetch` asks for the page at the cursor, the first where there is none. */
export function usePages<Item>(queryKey: QueryKey, fetch: (at: { cursor?: string }) => Promise<Page<Item>>) {
    const { data, ...query } = useInfiniteQuery({
        queryKey,
        queryFn: ({ pageParam }) => fetch(pageParam ? { cursor: pageParam } : {}),
        initialPageParam: '',
        getNextPageParam: (page) => page.next_cursor,
    })
    return { ...query, items: computed(() => data.value?.pages.flatMap((page) => page.items)) }
}
