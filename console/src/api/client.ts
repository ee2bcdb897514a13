/**
 * Asks the gateway, typed by its OpenAPI document. The sign-in is a cookie that no script can read.
 *
 * A request that is refused because the sign-in has ended waits until one is signed in again, and then goes on: nothing
 * that somebody typed is lost. Each request says whose page this is: once another person has signed in in another tab it
 * is refused, and the page becomes theirs. All that goes wrong is thrown as a `Problem` with a sentence to act on.
 */

import createClient from 'openapi-fetch'
import type { FieldError, Problem as ProblemDocument } from '@/api/schema'
import type { paths } from '@/api/schema'
import { takeEarly } from '@/api/early'
import { doubt, presentSignIn, signedInAgain, useSession } from '@/session/session'

/** What went wrong, as the gateway said it, or `offline` when nobody answered. */
export class Problem extends Error {
    override readonly name = 'Problem'

    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly errors: readonly FieldError[] = [],
        readonly requestId: string | null = null,
    ) {
        super(message)
    }

    /** Whether the same request may succeed in a moment. */
    get passes(): boolean {
        return this.status === 0 || this.status === 429 || this.status >= 500
    }
}

const PUBLIC = '/api/v1/auth/'
const PERSON = 'X-Jobyard-Person'
const { me } = useSession()

async function send(request: Request): Promise<Response> {
    if (me.value !== null) request.headers.set(PERSON, me.value.name)
    const again = request.clone()
    const sentWith = presentSignIn()
    const early = request.method === 'GET' ? await takeEarly(request.url) : null
    // What was refused early may be allowed now: somebody has signed in since.
    const response = early?.ok ? early : await fetch(request)
    if (response.status !== 401 || new URL(request.url).pathname.startsWith(PUBLIC)) return response
    await signedInAgain(sentWith)
    return fetch(again)
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: send, credentials: 'same-origin' })

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** The body of an answer. Throws a `Problem`. */
export async function body<T>(asked: Promise<Answer<T>>): Promise<T> {
    let answer: Answer<T>
    try {
        answer = await asked
    } catch (error) {
        if (error instanceof Problem || (error instanceof DOMException && error.name === 'AbortError')) throw error
        throw new Problem(0, 'offline', '')
    }
    if (answer.response.ok) return answer.data as T
    const problem = problemOf(answer.response.status, answer.error)
    if (problem.code === 'another_person') doubt()
    throw problem
}

function problemOf(status: number, said: unknown): Problem {
    const document = (typeof said === 'object' && said !== null ? said : {}) as Partial<ProblemDocument>
    return new Problem(
        status,
        document.code ?? `http_${status}`,
        document.detail ?? '',
        document.errors ?? [],
        document.request_id ?? null,
    )
}
