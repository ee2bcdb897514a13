export default {
    title: 'Sign in',
    lead: 'Training jobs, and why each is where it is.',
    user: 'User',
    password: 'Password',
    signIn: 'Sign in',
    issuer: 'Sign in with {issuer}',
    or: 'or',
    refused:
        'The issuer did not sign you in. Try again; if your user name here belongs to somebody else, ask an administrator.',
    expired: {
        title: 'Your sign-in has ended',
        text: 'Sign in again as {name}: what you were doing goes on.',
        leave: 'Leave',
    },
    empty: 'Enter your user name and password.',
} as const
