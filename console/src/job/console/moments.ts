/** Clock times of lines, in the browser's zone, to the millisecond. */

const formats = new Map<string, Intl.DateTimeFormat>()

/** `14:03:22.118` */
export function clockTime(moment: string, language: string): string {
    let format = formats.get(language)
    if (format === undefined) {
        const two = '2-digit'
        format = new Intl.DateTimeFormat(language, {
            hour: two,
            minute: two,
            second: two,
            fractionalSecondDigits: 3,
            hourCycle: 'h23',
        })
        formats.set(language, format)
    }
    return format.format(Date.parse(moment))
}
