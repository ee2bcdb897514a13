/** From an account to the fields of its form, and back to what the gateway takes. Pure. */

import type { NewUser, Role, User, UserChange } from '@/api/schema'

export type UserDraft = {
    name: string
    password: string
    email: string
    vcs: Record<string, Role | undefined>
    admin: boolean
    disabled: boolean
}

/** The form for this account, or for a new one, which is a member of `default`. */
export function draftOf(user: User | null): UserDraft {
    return {
        name: user?.name ?? '',
        password: '',
        email: user?.email ?? '',
        vcs: user ? { ...user.vcs } : { default: 'member' },
        admin: user?.admin ?? false,
        disabled: user?.disabled ?? false,
    }
}

export function newUser(draft: UserDraft): NewUser {
    return {
        username: draft.name.trim(),
        password: draft.password,
        email: draft.email.trim() || null,
        vcs: Object.fromEntries(
            Object.entries(draft.vcs).filter((entry): entry is [string, Role] => entry[1] !== undefined),
        ),
        admin: draft.admin,
    }
}

/** Only what differs: what another administrator changed meanwhile stays. */
export function changeOf(user: User, draft: UserDraft): UserChange {
    const email = draft.email.trim() || null
    const names = new Set([...Object.keys(user.vcs), ...Object.keys(draft.vcs)])
    const vcs = [...names]
        .filter((vc) => user.vcs[vc] !== draft.vcs[vc])
        .map((vc) => [vc, draft.vcs[vc] ?? null] as const)
    return {
        ...(email === user.email ? {} : { email }),
        ...(vcs.length > 0 ? { vcs: Object.fromEntries(vcs) } : {}),
        ...(draft.admin === user.admin ? {} : { admin: draft.admin }),
        ...(draft.disabled === user.disabled ? {} : { disabled: draft.disabled }),
        ...(draft.password ? { password: draft.password } : {}),
    } as UserChange
}
