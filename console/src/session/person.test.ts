import { effectScope, nextTick, type EffectScope } from 'vue'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keepEarly } from '@/api/early'
import type { Me } from '@/api/schema'
import { usePerson } from '@/session/person'
import { signedIn, signedInAgain, signedOut, useSession } from '@/session/session'

const MIA = { name: 'mia' } as Me
const ME = '/api/v1/me'
const { me, state } = useSession()
let scope: EffectScope
let other: BroadcastChannel
let heard: unknown[]

beforeEach(async () => {
    signedIn(MIA)
    await nextTick()
    heard = []
    other = new BroadcastChannel('jobyard.person')
    other.onmessage = ({ data }) => heard.push(data)
    scope = effectScope()
    scope.run(usePerson)
    await vi.waitFor(() => expect(heard).toEqual(['mia']))
})

afterEach(() => {
    scope.stop()
    other.close()
})

const says = (answer: object, status: number) => keepEarly(ME, Promise.resolve(Response.json(answer, { status })))

it('leaves a page whose person has signed out in another tab, also where the end of the sign-in was noticed', async () => {
    signedInAgain().catch(() => undefined)
    expect(state.value).toBe('expired')
    says({ detail: 'Nobody.' }, 401)
    other.postMessage(null)
    await vi.waitFor(() => expect(state.value).toBe('out'))
})

it('goes on where nobody was signed in when somebody signs in in another tab', async () => {
    signedOut()
    says({ name: 'vera' }, 200)
    other.postMessage('vera')
    await vi.waitFor(() => expect(me.value?.name).toBe('vera'))
})

it('tells the other tabs that somebody has signed out, and nothing of a page that is merely left', async () => {
    signedOut()
    await vi.waitFor(() => expect(heard).toEqual(['mia', null]))
    signedIn(MIA)
    await vi.waitFor(() => expect(heard).toEqual(['mia', null, 'mia']))
    signedInAgain().catch(() => undefined)
    await nextTick()
    signedOut()
    await nextTick()
    signedIn({ name: 'vera' } as Me)
    await vi.waitFor(() => expect(heard).toEqual(['mia', null, 'mia', 'vera']))
})
