/** What happens on the platform, as it happens, for whoever listens in this tab. */

import { onScopeDispose, readonly, ref } from 'vue'
import { Connection, type ConnectionState, type Heard } from '@/live/connection'
import type { Asked } from '@/live/worker'

const state = ref<ConnectionState>('connecting')
const listeners = new Set<(heard: Heard) => void>()

/** How the line is: for the dot in the bar. */
export const connectionState = readonly(state)

/** Hear everything until the component goes. */
export function useEvents(listener: (heard: Heard) => void): void {
    listeners.add(listener)
    onScopeDispose(() => listeners.delete(listener))
}

let ask: ((what: Asked) => void) | null = null

/** Begin, once somebody is signed in; or go on at once after a new sign-in. */
export function listen(): void {
    if (ask !== null) {
        ask('hurry')
        return
    }
    ask = 'SharedWorker' in window ? shared() : alone()
    ask('hello')
    window.addEventListener('online', () => ask?.('hurry'))
    window.addEventListener('pagehide', () => ask?.('bye'))
    window.addEventListener('pageshow', (event) => {
        if (event.persisted) ask?.('hello')
    })
}

/** Somebody signed out: nothing more is heard. */
export function stopListening(): void {
    ask?.('sign-out')
}

function heard(what: Heard): void {
    if (what.kind === 'state') state.value = what.state
    listeners.forEach((listener) => listener(what))
}

function shared(): (what: Asked) => void {
    const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'jobyard' })
    worker.port.onmessage = (message: MessageEvent<Heard>) => heard(message.data)
    return (what) => worker.port.postMessage(what)
}

function alone(): (what: Asked) => void {
    const connection = new Connection(heard)
    return (what) => {
        if (what === 'hello') connection.open()
        else if (what === 'hurry') connection.hurry()
        else connection.close()
    }
}
