export default {
    of: 'Actions for {name}',
    pending: '{action} is under way for {name}',
    confirm: {
        one: '{action} {name}?',
        many: '{action} {count} job? | {action} {count} jobs?',
        pause: {
            waits: 'It keeps its place in the history and waits until somebody resumes it.',
            runs: 'The command gets SIGTERM and up to {grace} s to write a checkpoint, then it ends and its devices are free. After resume it starts anew from its last checkpoint.',
        },
        kill: {
            waits: 'The job ends for good and cannot be resumed. Its files stay.',
            runs: 'The command gets SIGTERM and up to {grace} s, then it ends for good and cannot be resumed. Its files stay.',
        },
        resume: { waits: 'The job is queued again.', runs: 'The job is queued again.' },
    },
    held: { device: '{count} device | {count} devices', cpu: '{count} CPU | {count} CPUs' },
    cost: { device: '{minutes} device minutes', cpu: '{minutes} CPU minutes' },
    loss: {
        nothing: 'It is not running, so no work is lost.',
        unknown:
            'It has been running for {age} on {held}. When it wrote its last checkpoint is not known here: all work since then is lost unless it writes one now.',
        all: 'It has written no checkpoint since it started {age} ago on {held}: that work, {cost}, is lost unless it writes one now.',
        since: 'Its last checkpoint is {age} old: the work since then on {held}, {cost}, is lost unless it writes one now.',
        many: '{running} of {count} is running: what it did since its last checkpoint is lost unless it writes one now. | {running} of {count} are running: what they did since their last checkpoints is lost unless they write one now.',
        asking: 'Looking for its last checkpoint …',
    },
    outcome: {
        pause: '{name} is paused',
        resume: '{name} is {status} again',
        kill: '{name} is killed',
        elsewhere: '{name} came to its end first: it is {status}',
        lost: {
            device: '; {minutes} device minutes since its last checkpoint were lost',
            cpu: '; {minutes} CPU minutes since its last checkpoint were lost',
        },
    },
    priority: {
        label: 'Priority, 1 to 1000',
        lead: 'Higher runs first.',
        many: 'Priority of {count} job | Priority of {count} jobs',
        set: 'Set priority',
        wrong: 'Enter a whole number from {lowest} to {highest}.',
    },
    summary: {
        title: 'Result of {action}',
        lead: '{done} done, {refused} refused',
        done: '{count} job was done | {count} jobs were done',
        refused: '{count} job was refused | {count} jobs were refused',
        pause: 'Those that run end within their grace period; the list shows when.',
        kill: 'Those that run end within their grace period; the list shows when.',
        silent: 'The platform gave no reason. Try it on this job alone.',
    },
} as const
