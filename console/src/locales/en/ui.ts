export default {
    close: 'Close',
    cancel: 'Cancel',
    copy: 'Copy {what}',
    copied: 'Copied',
    loading: 'Loading …',
    retry: 'Try again',
    more: 'More',
    yes: 'yes',
    no: 'no',
    none: 'none',
    dismiss: 'Dismiss',
    problem: {
        offline: 'The platform does not answer. Check your connection, then try again.',
        unknown: 'Something went wrong ({status}). Try again; if it stays so, ask the operators.',
        request: 'Request {id}',
    },
    now: 'just now',
} as const
