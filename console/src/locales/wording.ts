/** What the gateway says, in the chosen language: it speaks English. Pure. */

import { BY_STATUS, REFUSALS } from '@/locales/zh/refusals'

/** What is wrong with a field, or a sentence; what is not known stays as it came. */
export function inWords(message: string, language: string): string {
    return (language === 'zh' ? chinese(message) : null) ?? capital(message)
}

/** What a whole request was refused for. One that is not known says at least of which kind it is. */
export function refusedInWords(message: string, status: number, language: string): string {
    if (language !== 'zh') return message
    const kind = BY_STATUS[status]
    return chinese(message) ?? (kind === undefined ? message : `${kind}（${message}）`)
}

function chinese(message: string): string | null {
    for (const [pattern, said] of REFUSALS) {
        const found = pattern.exec(message)
        if (found) return said(...found.slice(1))
    }
    return null
}

/** `must be at least 0` is read after the field's name; below the field it begins a line of its own. */
function capital(message: string): string {
    return message.charAt(0).toUpperCase() + message.slice(1)
}
