/** The words of lines and of figures, in the language of the page. */

import { useI18n } from 'vue-i18n'
import type { Line } from '@/job/metrics/lines'
import { digits, type Scale } from '@/ui/units'

export function useWording() {
    const { t, locale } = useI18n()

    function unit({ unit: name }: Scale): string {
        return name === 'cores' ? t('metrics.cores') : name
    }

    return {
        unit,
        figure(value: number, scale: Scale): string {
            const word = unit(scale)
            return digits(value, scale, locale.value) + (word === '' ? '' : word === '%' ? '%' : ` ${word}`)
        },
        /** What tells this line from the others of its chart; empty for one that is alone. */
        line(line: Line, among: readonly Line[]): string {
            if (line.name !== undefined) return line.name
            const ranks = new Set(among.map((other) => other.rank))
            const parts = [
                line.sum === null ? '' : t(`metrics.sums.${line.sum.kind}`, { of: line.sum.of }),
                line.rank !== null && ranks.size > 1 ? t('metrics.rank', { rank: line.rank }) : '',
                line.device === null ? '' : t('metrics.device', { device: line.device }),
                line.direction === null ? '' : t(`metrics.directions.${line.direction as 'receive'}`),
            ]
            return parts.filter((part) => part !== '').join(' · ')
        },
    }
}
