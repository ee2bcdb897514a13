/** One ticking clock for all relative times of the page, which stands still while nobody looks. */

import { readonly, ref } from 'vue'

const moment = ref(Date.now())
setInterval(() => {
    if (!document.hidden) moment.value = Date.now()
}, 1000)
document.addEventListener('visibilitychange', () => {
    if (!document.hidden) moment.value = Date.now()
})

/** Milliseconds since 1970, anew each second. */
export const now = readonly(moment)
