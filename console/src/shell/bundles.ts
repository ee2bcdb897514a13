/**
 * Heals a page whose bundle could not be fetched: the connection broke, or an upgrade has replaced what an open tab
 * still knows. Its address is loaded anew as soon as the platform answers, once; then it is said.
 */

import type { Router } from 'vue-router'
import { i18n } from '@/locales/i18n'
import { say } from '@/ui/toasts'

const AGAIN_MS = 1000
/** The address that was loaded anew last, kept over the loading. */
const TRIED = 'jobyard.loaded-anew'

/** Nothing else in this console's navigation throws: an error is a bundle that is missing. */
export function healBundles(router: Router): void {
    let wanted = 0
    router.beforeEach(() => void wanted++)
    router.afterEach((_to, _from, failure) => {
        if (!failure) sessionStorage.removeItem(TRIED)
    })
    router.onError(async (_error, to) => {
        const now = wanted
        while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
        if (now !== wanted) return // somebody went elsewhere meanwhile
        if (sessionStorage.getItem(TRIED) === to.fullPath) {
            sessionStorage.removeItem(TRIED)
            say(i18n.global.t('shell.unloadable'), 'problem')
            return
        }
        sessionStorage.setItem(TRIED, to.fullPath)
        location.assign(to.fullPath)
    })
}

async function answers(): Promise<boolean> {
    try {
        return (await fetch('/', { method: 'HEAD', cache: 'no-store' })).ok
    } catch {
        return false
    }
}
