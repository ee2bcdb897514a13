export default {
    title: 'Ask the operators about {name}',
    lead: 'They get a mail with the job’s facts: status, reason, devices and history.',
    subject: 'Subject',
    message: 'Message',
    hint: 'What did you expect, and what happened instead?',
    includeLogs: 'Include the last lines of the console',
    send: 'Send',
    empty: 'Write a subject and a message.',
    state: {
        waiting: 'The mail is on its way …',
        smtp: 'The mail was sent on {at}.',
        file: 'No mail server is configured, so the mail was written to a file on {at}.',
        failed: 'The mail could not be sent.',
        where: 'The operators find it in',
        next: 'The next try is on {at}.',
    },
} as const
