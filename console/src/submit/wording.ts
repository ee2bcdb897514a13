/** What the gateway says of a submission, in the chosen language: it speaks English. Pure. */

import { REFUSALS } from '@/locales/zh/refusals'

export function inWords(message: string, language: string): string {
    if (language !== 'zh') return sentence(message)
    for (const [pattern, said] of REFUSALS) {
        const found = pattern.exec(message)
        if (found) return said(...found.slice(1))
    }
    return sentence(message)
}

/** `must be at least 0` is read after the field's name; below the field it begins a line of its own. */
function sentence(message: string): string {
    return message.charAt(0).toUpperCase() + message.slice(1)
}
