/** What to say of something that went wrong. */

import { Problem } from '@/api/client'
import { i18n } from '@/locales/i18n'
import { refusedInWords } from '@/locales/wording'

/** A sentence for people: the gateway's own where it said one. */
export function sentence(error: unknown): string {
    const { t } = i18n.global
    if (!(error instanceof Problem)) return t('ui.problem.unknown', { status: String(error) })
    if (error.code === 'offline') return t('ui.problem.offline')
    if (error.message === '') return t('ui.problem.unknown', { status: error.status })
    return refusedInWords(error.message, error.status, i18n.global.locale.value)
}

/** Whether nobody needs to hear of it: whoever asked has left. */
export function givenUp(error: unknown): boolean {
    return error instanceof DOMException && error.name === 'AbortError'
}
