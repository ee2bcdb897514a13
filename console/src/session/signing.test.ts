import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Me } from '@/api/schema'
import { signedIn, useSession } from '@/session/session'
import { signOut } from '@/session/signing'

/** The part of happy-dom that answers what a page asks. */
type Answers = { beforeAsyncRequest: (asked: { request: { method: string } }) => Promise<Response> }
const { settings } = (window as unknown as { happyDOM: { settings: { fetch: { interceptor: Answers | null } } } })
    .happyDOM
const { state } = useSession()
let me = 401

beforeAll(() => {
    const away = { code: 'unavailable', detail: 'It counts elsewhere.' }
    settings.fetch.interceptor = {
        beforeAsyncRequest: async ({ request }) =>
            request.method === 'DELETE'
                ? Response.json(away, { status: 503 })
                : Response.json({ name: 'mia', detail: 'Nobody.' }, { status: me }),
    }
})

afterAll(() => {
    settings.fetch.interceptor = null
})

it('leaves where the cookie is gone, also when the sign-in could not be ended elsewhere, and says so', async () => {
    for (const [status, left] of [
        [401, 'out'],
        [200, 'in'],
    ] as const) {
        me = status
        signedIn({ name: 'mia' } as Me)
        await expect(signOut()).rejects.toThrow('It counts elsewhere.')
        expect(state.value).toBe(left)
    }
})
