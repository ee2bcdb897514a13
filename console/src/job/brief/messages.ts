/** How far a message about the job got, in one of a few sentences. Pure. */

import type { Notification, SupportCase } from '@/api/schema'

export type Outgoing = Pick<Notification | SupportCase, 'status' | 'tries' | 'last_error' | 'next_try' | 'file'>
export type ProgressKey = 'sent' | 'filed' | 'underWay' | 'retried' | 'failed'

export function progressOf(message: Outgoing): ProgressKey {
    if (message.status === 'sent') return message.file ? 'filed' : 'sent'
    if (message.status === 'failed') return 'failed'
    return message.last_error ? 'retried' : 'underWay'
}

/** `mailto:ada@example.org` is an address to people, a webhook its URL. */
export function recipient(to: string): string {
    return to.startsWith('mailto:') ? to.slice('mailto:'.length) : to
}
