/** The two languages of the console; the chosen one is remembered, the browser's is the first. */

import { watch } from 'vue'
import { createI18n } from 'vue-i18n'
import en from '@/locales/en'
import zh from '@/locales/zh'

export const LANGUAGES = ['en', 'zh'] as const
export type Language = (typeof LANGUAGES)[number]

const STORED = 'jobyard.language'

declare module 'vue-i18n' {
    // eslint-disable-next-line @typescript-eslint/no-empty-object-type
    export interface DefineLocaleMessage extends Texts {}
}
type Texts = typeof en

export const i18n = createI18n<[Texts], Language, false>({
    legacy: false,
    locale: first(),
    fallbackLocale: 'en',
    messages: { en, zh: zh as unknown as Texts },
})

/** The language now, to read and to set. */
export const language = i18n.global.locale

watch(
    language,
    (chosen) => {
        document.documentElement.lang = chosen === 'zh' ? 'zh-CN' : 'en'
    },
    { immediate: true },
)

/** Choose a language, and remember it. */
export function choose(chosen: Language): void {
    language.value = chosen
    localStorage.setItem(STORED, chosen)
}

function first(): Language {
    const stored = localStorage.getItem(STORED)
    if (stored === 'en' || stored === 'zh') return stored
    return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}
