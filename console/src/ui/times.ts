/** Moments and durations in words, in the browser's time zone. Pure but for the zone. */

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 31_536_000],
    ['month', 2_592_000],
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
    ['second', 1],
]

/** `3 minutes ago`, `in 2 hours`; null within five seconds of now. */
export function relative(moment: number, now: number, language: string): string | null {
    const seconds = (moment - now) / 1000
    if (Math.abs(seconds) < 5) return null
    const [unit, length] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1]
    return formats(language).relative.format(Math.trunc(seconds / length), unit)
}

/** Date, time and zone, for the hover. */
export function absolute(moment: number, language: string): string {
    const zone = formats('en')
        .zone.formatToParts(moment)
        .find(({ type }) => type === 'timeZoneName')
    return `${formats(language).absolute.format(moment)} (${zone?.value ?? ''})`
}

/** The time of day, for what is near. */
export function clockTime(moment: number, language: string): string {
    return formats(language).clock.format(moment)
}

/** The day alone. */
export function dayText(moment: number, language: string): string {
    return formats(language).day.format(moment)
}

const UNITS = {
    en: { day: ' d', hour: ' h', minute: ' min', second: ' s' },
    zh: { day: ' 天', hour: ' 小时', minute: ' 分', second: ' 秒' },
} as const

/** `4 d 3 h`, `2 h 05 min`, `3 min 09 s`, `41 s`: two units at most; in Chinese `3 分 09 秒`. */
export function duration(seconds: number, language: string): string {
    const { day, hour, minute, second } = language === 'zh' ? UNITS.zh : UNITS.en
    const whole = Math.max(0, Math.round(seconds))
    const [days, hours, minutes] = [
        Math.floor(whole / 86_400),
        Math.floor(whole / 3600) % 24,
        Math.floor(whole / 60) % 60,
    ]
    if (days > 0) return `${days}${day} ${hours}${hour}`
    if (hours > 0) return `${hours}${hour} ${two(minutes)}${minute}`
    if (minutes > 0) return `${minutes}${minute} ${two(whole % 60)}${second}`
    return `${whole}${second}`
}

function two(number: number): string {
    return String(number).padStart(2, '0')
}

type Formats = ReturnType<typeof made>
const known = new Map<string, Formats>()

/** Made once for a language: that takes longer than a hundred times of using them. */
function formats(language: string): Formats {
    const found = known.get(language) ?? made(language)
    known.set(language, found)
    return found
}

function made(language: string) {
    return {
        relative: new Intl.RelativeTimeFormat(language, { numeric: 'always', style: 'short' }),
        absolute: new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' }),
        zone: new Intl.DateTimeFormat(language, { timeZoneName: 'short' }),
        clock: new Intl.DateTimeFormat(language, { timeStyle: 'short' }),
        day: new Intl.DateTimeFormat(language, { dateStyle: 'medium' }),
    }
}
