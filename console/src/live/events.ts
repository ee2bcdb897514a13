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

let ask: ((asked: Asked) => void) | null = null
let listener = ''

/** Begin, once `person` is signed in; or go on at once after a new sign-in, anew if it is somebody else's. */
export function listen(person: string): void {
    listener = person
    if (ask !== null) {
        ask({ what: 'hurry', person })
        return
    }
    ask = 'SharedWorker' in window ? shared() : alone()
    ask({ what: 'hello', person })
    window.addEventListener('online', () => ask?.({ what: 'hurry', person: listener }))
    window.addEventListener('pagehide', () => ask?.({ what: 'bye' }))
    window.addEventListener('pageshow', (event) => {
        if (event.persisted) ask?.({ what: 'hello', person: listener })
    })
}

/** Somebody signed out: nothing more is heard. */
export function stopListening(): void {
    ask?.({ what: 'sign-out' })
}

function heard(what: Heard): void {
    if (what.kind === 'state') state.value = what.state
    listeners.forEach((listener) => listener(what))
}

function shared(): (asked: Asked) => void {
    const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'jobyard' })
    worker.port.onmessage = (message: MessageEvent<Heard>) => heard(message.data)
    return (asked) => worker.port.postMessage(asked)
}

function alone(): (asked: Asked) => void {
    const connection = new Connection(heard)
    return (asked) => {
        if (asked.what === 'hello') connection.open(asked.person)
        else if (asked.what === 'hurry') connection.hurry(asked.person)
        else connection.close()
    }
}
