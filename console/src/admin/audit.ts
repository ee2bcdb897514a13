/** What of an address filters the audit. Pure. */

export const FILTERS = ['actor', 'action', 'target', 'address', 'token'] as const
export type Filters = Partial<Record<(typeof FILTERS)[number], string | undefined>>

/** Only what says something; several values of one name count as none. */
export function filtersOf(query: Record<string, unknown>): Record<string, string> {
    const named = FILTERS.map((name) => [name, query[name]] as const)
    return Object.fromEntries(
        named
            .filter((entry): entry is readonly [(typeof FILTERS)[number], string] => typeof entry[1] === 'string')
            .map(([name, value]) => [name, value.trim()])
            .filter(([, value]) => value !== ''),
    ) as Record<string, string>
}

/** What an entry tells beside who and what, in one line: `after` where something was changed. */
export function told(details: Record<string, unknown>): string {
    const said = details['after'] ?? details
    return Object.entries(typeof said === 'object' && said !== null ? said : {})
        .filter(([, value]) => value !== null && value !== '')
        .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
        .join(', ')
}
