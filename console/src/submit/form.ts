/** What the parts of the form share: the draft, what may be said in it, and what is wrong with it. */

import { inject, type ComputedRef, type InjectionKey, type Ref } from 'vue'
import type { SubmitOptions, SubmitVc } from '@/api/schema'
import type { Draft } from '@/submit/draft'

export type Form = {
    draft: Draft
    /** Null while nobody says it. */
    options: Readonly<Ref<SubmitOptions | null>>
    /** The virtual cluster that is chosen, and what one may ask for there. */
    vc: ComputedRef<SubmitVc | null>
    /** What is wrong there, once somebody was there: of the field itself, or `within` it too. */
    errorOf: (path: string, within?: boolean) => string
}

export const FORM: InjectionKey<Form> = Symbol('form')

export function useForm(): Form {
    const form = inject(FORM)
    if (form === undefined) throw new TypeError('a part of the form stands outside of it')
    return form
}
