/** The words below a chart's time axis, in the browser's zone: as fine as the distance between them asks for. */

const DAY_S = 86_400
const formats = new Map<string, Intl.DateTimeFormat>()

export function axisTime(moment: number, distance: number, language: string): string {
    if (distance >= DAY_S) return formatted(moment, language, { month: 'short', day: 'numeric' })
    const seconds = distance < 60 ? { second: '2-digit' as const } : {}
    const midnight = new Date(moment * 1000)
    if (midnight.getHours() === 0 && midnight.getMinutes() === 0 && distance >= 60)
        return formatted(moment, language, { month: 'short', day: 'numeric' })
    return formatted(moment, language, { hour: '2-digit', minute: '2-digit', ...seconds, hourCycle: 'h23' })
}

/** Date and time to the second, for legends and tables. */
export function pointTime(moment: number, language: string): string {
    return formatted(moment, language, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' })
}

function formatted(moment: number, language: string, options: Intl.DateTimeFormatOptions): string {
    const key = language + JSON.stringify(options)
    let format = formats.get(key)
    if (format === undefined) formats.set(key, (format = new Intl.DateTimeFormat(language, options)))
    return format.format(moment * 1000)
}
