export default {
    skip: 'Skip to the content',
    navigation: 'Pages',
    cluster: 'Cluster',
    admin: 'Administration',
    submit: 'Submit a job',
    search: 'Search by id or name',
    searchHint: 'Press / to search',
    language: 'Language',
    theme: 'Theme',
    themes: { auto: 'System', light: 'Light', dark: 'Dark' },
    account: 'Account',
    accountOf: 'Account of {name}',
    signOut: 'Sign out',
    connection: {
        connecting: 'Connecting …',
        open: 'Live: changes show as they happen',
        lost: 'The connection is lost. Trying again …',
        expired: 'The sign-in has ended',
    },
    lostBar: 'No connection to the platform. What you see may be old; this page goes on by itself.',
    unloadable:
        'The page could not be loaded, though the platform answers. Reload it in a moment; if that does not help, tell the operators.',
    notFound: {
        title: 'There is no such page',
        text: 'The address may be mistyped, or from another version.',
        back: 'To MY JOBS',
    },
} as const
