import { expect, test } from 'vitest'
import { keepEarly, takeEarly } from '@/api/early'

test('an early answer counts once, for whoever asks for the same in any order', async () => {
    keepEarly('/api/v1/jobs?scope=mine&limit=50', Promise.resolve(new Response('rows')))
    expect(takeEarly('/api/v1/jobs?scope=all&limit=50')).toBeNull()
    expect(await (await takeEarly(`${location.origin}/api/v1/jobs?limit=50&scope=mine`))?.text()).toBe('rows')
    expect(takeEarly('/api/v1/jobs?scope=mine&limit=50')).toBeNull()
})

test('an early answer that failed is told to whoever takes it, and nobody else', async () => {
    keepEarly('/api/v1/me', Promise.reject(new TypeError('offline')))
    await expect(takeEarly('/api/v1/me')).rejects.toThrow('offline')
})
