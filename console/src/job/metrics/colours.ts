/** The colours of charts, as the theme has them now: a canvas can't read CSS. */

import { onScopeDispose, shallowRef, watch } from 'vue'
import { theme } from '@/ui/theme'

export type Colours = { readonly series: readonly string[]; readonly text: string; readonly line: string }

export function useColours() {
    const colours = shallowRef(resolved())
    const renew = () => (colours.value = resolved())
    const system = matchMedia('(prefers-color-scheme: dark)')
    system.addEventListener('change', renew)
    onScopeDispose(() => system.removeEventListener('change', renew))
    watch(theme, renew, { flush: 'post' })
    return colours
}

function resolved(): Colours {
    const probe = document.createElement('span')
    document.body.append(probe)
    const colour = (name: string) => {
        probe.style.color = `var(--${name})`
        return getComputedStyle(probe).color
    }
    const series = Array.from({ length: 8 }, (_, number) => colour(`series-${number + 1}`))
    const found = { series, text: colour('text-muted'), line: colour('line') }
    probe.remove()
    return found
}
