/** Shares one event stream between the tabs of a browser: HTTP/1.1 allows six connections to a host. */

import { Connection, type Heard } from '@/live/connection'

/** What TypeScript's library for pages does not know of a shared worker. */
declare const self: { onconnect: (event: MessageEvent) => void }

/** `person`: whose tab it is. */
export type Asked = { what: 'hello' | 'hurry'; person: string } | { what: 'bye' | 'sign-out' }

const ports = new Set<MessagePort>()
const connection = new Connection((heard: Heard) => ports.forEach((port) => port.postMessage(heard)))

self.onconnect = (event) => {
    const port = event.ports[0]
    if (port === undefined) return
    port.onmessage = (message: MessageEvent<Asked>) => answer(port, message.data)
}

function answer(port: MessagePort, asked: Asked): void {
    if (asked.what === 'hello') {
        ports.add(port)
        connection.open(asked.person)
        port.postMessage({ kind: 'state', state: connection.state } satisfies Heard)
        // What this tab has fetched may be older than what the others have heard since.
        if (connection.state === 'open') port.postMessage({ kind: 'reset' } satisfies Heard)
    } else if (asked.what === 'hurry') {
        connection.hurry(asked.person)
    } else if (asked.what === 'sign-out') {
        connection.close()
        ports.forEach((one) => one.postMessage({ kind: 'state', state: 'expired' } satisfies Heard))
    } else {
        ports.delete(port)
        if (ports.size === 0) connection.close()
    }
}
