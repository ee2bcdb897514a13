/** What is wrong with the draft, and which of it is shown at its field: only where somebody has been. */

import { computed, reactive, ref, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import type { FieldError } from '@/api/schema'
import type { Draft } from '@/submit/draft'
import { rootOf } from '@/submit/fields'
import { twice } from '@/submit/request'
import type { Verdict } from '@/submit/useValidation'
import { afterPress } from '@/submit/press'
import { inWords } from '@/locales/wording'

export function useErrors(draft: Draft, verdict: Readonly<Ref<Verdict>>) {
    const { t, locale } = useI18n()
    const visited = reactive(new Set<string>())
    const everywhere = ref(false)
    const errors = computed<FieldError[]>(() => {
        const said = verdict.value.kind === 'refused' ? verdict.value.errors : []
        const own = twice(draft).map(({ field }) => ({ field, message: t('submit.twice') }))
        // A name and its value are complained of in the same words.
        return [...new Map([...own, ...said].map((error) => [`${error.field}: ${error.message}`, error])).values()]
    })

    function words(message: string): string {
        return inWords(message, locale.value)
    }

    function errorOf(path: string, within = false): string {
        if (!everywhere.value && !visited.has(rootOf(path))) return ''
        const there = errors.value.filter(({ field }) => field === path || (within && field.startsWith(`${path}.`)))
        return [...new Set(there.map(({ message }) => words(message)))].join(' ')
    }

    /** Somebody was in the field that holds this element. */
    function visit(event: Event) {
        if (!(event.target instanceof Element)) return
        // A box and a choice tell their value by `change`: drawn anew before, they would have the old one again.
        if (event.type === 'input' && event.target.matches('select, [type=checkbox]')) return
        const field = event.target.closest<HTMLElement>('[data-field]')?.dataset['field']
        if (field) afterPress(() => visited.add(field))
    }

    return { errors, errorOf, words, visit, everywhere }
}
