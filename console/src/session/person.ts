/**
 * Keeps a page that of whoever is signed in: a browser has one sign-in for all of its tabs.
 *
 * Each tab tells the others whose it is, also that it is nobody's any more, once the gateway has said so: leaving this page
 * alone, where a sign-in had ended, is no news of the browser. One that is somebody else's asks who is signed in, as it
 * does when the gateway says that the page is not theirs any more.
 */

import { onScopeDispose, watch } from 'vue'
import { doubt, useSession } from '@/session/session'
import { recall } from '@/session/signing'

export function usePerson(): void {
    const { me, state, doubts } = useSession()
    watch(doubts, () => void recall().catch(() => undefined))
    if (!('BroadcastChannel' in window)) return
    const tabs = new BroadcastChannel('jobyard.person')
    tabs.onmessage = (message: MessageEvent<string | null>) => {
        if ((me.value?.name ?? null) !== message.data) doubt()
    }
    watch(
        () => me.value?.name,
        (name) => name !== undefined && tabs.postMessage(name),
        { immediate: true },
    )
    watch(state, (now, before) => now === 'out' && before === 'in' && tabs.postMessage(null))
    onScopeDispose(() => tabs.close())
}
