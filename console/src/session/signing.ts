/** Signing in and out: by name and password, or at an OIDC issuer with PKCE (RFC 7636). */

import { api, body, Problem } from '@/api/client'
import { takeEarly } from '@/api/early'
import type { Problem as Problem401, SignInMethods } from '@/api/schema'
import { signedIn, signedOut } from '@/session/session'

const ME = '/api/v1/me'
const VERIFIER = 'jobyard.verifier'
const BACK = 'jobyard.back'

/** Ask who we are; leaves the session `in` or `out`, and answers why not. Throws a `Problem` when nobody can say. */
export async function recall(): Promise<string | null> {
    const answer = await (takeEarly(ME) ?? fetch(ME, { credentials: 'same-origin' })).catch(() => {
        throw new Problem(0, 'offline', '')
    })
    if (answer.ok) {
        signedIn(await answer.json())
        return null
    }
    if (answer.status === 401) {
        signedOut()
        return ((await answer.json()) as Problem401).detail
    }
    throw new Problem(answer.status, `http_${answer.status}`, '')
}

/** In which ways one may sign in here. */
export function methods(): Promise<SignInMethods> {
    return body(api.GET('/api/v1/auth/methods'))
}

/** Throws a `Problem` with the gateway's sentence. */
export async function signIn(username: string, password: string): Promise<void> {
    await body(api.POST('/api/v1/auth/session', { body: { username, password } }))
    // The password was right, and still nobody is signed in: cookies of another page stand in the way.
    const refused = await recall()
    if (refused !== null) throw new Problem(401, 'unauthorized', refused)
}

/** Forget the sign-in, here and at the gateway. Throws a `Problem` when it may count elsewhere, or here still. */
export async function signOut(): Promise<void> {
    try {
        await body(api.DELETE('/api/v1/auth/session'))
    } catch (problem) {
        // The cookie may be gone all the same.
        await recall().catch(() => undefined)
        throw problem
    }
    signedOut()
}

/** Leave for the issuer; `back` is where one comes back to. The verifier alone stays here, and is worth nothing else. */
export async function leaveForIssuer(back: string): Promise<void> {
    const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
    const challenge = base64url(
        new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))),
    )
    sessionStorage.setItem(VERIFIER, verifier)
    sessionStorage.setItem(BACK, back)
    location.assign(
        `/api/v1/auth/oidc/start?${new URLSearchParams({ code_challenge: challenge, return_to: '/sign-in' })}`,
    )
}

/** Back from the issuer with `#code=`: redeem it. Answers where one wanted to go, or null when there is no code. */
export async function redeem(hash: string): Promise<string | null> {
    const code = new URLSearchParams(hash.replace(/^#/, '')).get('code')
    const verifier = sessionStorage.getItem(VERIFIER)
    if (code === null || verifier === null) return null
    sessionStorage.removeItem(VERIFIER)
    await body(api.POST('/api/v1/auth/session', { body: { code, code_verifier: verifier } }))
    await recall()
    const back = sessionStorage.getItem(BACK) ?? '/'
    sessionStorage.removeItem(BACK)
    return back
}

function base64url(bytes: Uint8Array): string {
    return btoa(String.fromCharCode(...bytes))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', '')
}
