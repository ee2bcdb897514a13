/** Days of a calendar where one is, and the moments at which they begin and end. Pure but for the zone. */

/** `2026-11-28` of a moment; empty where there is none. */
export function toDay(moment: string): string {
    const date = new Date(moment)
    if (moment === '' || Number.isNaN(date.getTime())) return ''
    const [month, day] = [date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0'))
    return `${String(date.getFullYear()).padStart(4, '0')}-${month}-${day}`
}

/** The moment at which a day begins; empty where there is none. */
export function startOfDay(day: string): string {
    return moment(day, '00:00:00.000')
}

/** The last moment of a day. */
export function endOfDay(day: string): string {
    return moment(day, '23:59:59.999')
}

/** The moment at which the present day began. */
export function today(): string {
    return startOfDay(toDay(new Date().toISOString()))
}

function moment(day: string, time: string): string {
    const date = new Date(`${day}T${time}`)
    return day === '' || Number.isNaN(date.getTime()) ? '' : date.toISOString()
}
