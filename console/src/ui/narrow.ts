/** Whether the page is as narrow as a phone: where a layout by CSS alone would not do. */

import { readonly, ref, type Ref } from 'vue'

const query = window.matchMedia('(max-width: 640px)')
const narrow = ref(query.matches)
query.addEventListener('change', () => (narrow.value = query.matches))

export function useNarrow(): Readonly<Ref<boolean>> {
    return readonly(narrow)
}
