/** Light or dark: as the system has it, unless somebody chose otherwise, which is remembered. */

import { readonly, ref, watchEffect } from 'vue'

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const STORED = 'jobyard.theme'
const chosen = ref<Theme>(first())

export const theme = readonly(chosen)

export function chooseTheme(theme: Theme): void {
    chosen.value = theme
    localStorage.setItem(STORED, theme)
}

watchEffect(() => {
    if (chosen.value === 'auto') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = chosen.value
})

function first(): Theme {
    return THEMES.find((theme) => theme === localStorage.getItem(STORED)) ?? 'auto'
}
