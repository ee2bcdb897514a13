/** The drawings of the console's buttons, 16 by 16, as strokes. */
export const ICONS = {
    check: 'M3 8.5l3.2 3.2L13 4.5',
    chevronDown: 'M4 6l4 4 4-4',
    chevronLeft: 'M10 3.5L5.5 8l4.5 4.5',
    chevronRight: 'M6 3.5L10.5 8 6 12.5',
    clone: 'M5.5 5.5V2.5h8v8h-3M2.5 5.5h8v8h-8z',
    close: 'M4 4l8 8m0-8l-8 8',
    columns: 'M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10',
    copy: 'M5.5 5.5V2.5h8v8h-3M2.5 5.5h8v8h-8z',
    download: 'M8 2.5v7.5M4.8 7L8 10.2 11.2 7M3 13.5h10',
    external: 'M6.5 3.5h-4v10h10v-4M9 2.5h4.5V7M13.2 2.8L7.5 8.5',
    filter: 'M2.5 4h11M4.5 8h7M6.5 12h3',
    kill: 'M4 4h8v8H4z',
    mail: 'M2.5 4h11v8.5h-11zM2.8 4.4L8 8.8l5.2-4.4',
    moon: 'M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6z',
    more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
    pause: 'M5.5 3.5v9M10.5 3.5v9',
    person: 'M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8zM2.8 13.6c.6-2.4 2.6-3.6 5.2-3.6s4.6 1.2 5.2 3.6',
    play: 'M5 3v10l8-5z',
    plus: 'M8 3v10M3 8h10',
    refresh: 'M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3',
    search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.2 3.2',
    sort: 'M8 3v10M5 10l3 3 3-3',
    trash: 'M3 4.5h10M6.3 4.5v-2h3.4v2M4.5 4.5l.6 9h5.8l.6-9',
    warning: 'M8 2.2L14.5 13.5h-13zM8 6.5v3.2M8 11.6h.01',
} as const

export type IconName = keyof typeof ICONS
