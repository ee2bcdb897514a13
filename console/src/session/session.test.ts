import { beforeEach, expect, it } from 'vitest'
import type { Me } from '@/api/schema'
import { presentSignIn, signedIn, signedInAgain, signedOut, useSession } from '@/session/session'

const MIA = { name: 'mia' } as Me
const VERA = { name: 'vera' } as Me
const { state } = useSession()

beforeEach(() => {
    signedOut()
    signedIn(MIA)
})

it('lets what was refused wait until the same person has signed in again', async () => {
    const goesOn = signedInAgain(presentSignIn())
    expect(state.value).toBe('expired')
    signedIn(MIA)
    await goesOn
    expect(state.value).toBe('in')
})

it('gives up what waits when another person signs in, or when nobody does', async () => {
    const others = signedInAgain(presentSignIn())
    signedIn(VERA)
    await expect(others).rejects.toThrow('signed out')
    const nobodys = signedInAgain(presentSignIn())
    signedOut()
    await expect(nobodys).rejects.toThrow('signed out')
})

it('asks nobody to sign in for a refusal that arrives after they have', async () => {
    const before = presentSignIn()
    signedInAgain(before).catch(() => undefined)
    signedIn(MIA)
    await signedInAgain(before)
    expect(state.value).toBe('in')
})

it('sends nothing of one person in the name of the next', async () => {
    const before = presentSignIn()
    signedOut()
    signedIn(VERA)
    await expect(signedInAgain(before)).rejects.toThrow('signed out')
    expect(state.value).toBe('in')
})
