import { describe, expect, it } from 'vitest'
import { digits, increments, scaleOf } from '@/ui/units'

const said = (value: number, unit: string, largest = value) => {
    const scale = scaleOf(unit, largest)
    return `${digits(value, scale, 'en')} ${scale.unit}`.trim()
}

describe('figures', () => {
    it.each([
        [0.4375, 'ratio', '43.8 %'],
        [1, 'ratio', '100 %'],
        [1.5, 'cores', '1.5 cores'],
        [0, 'bytes', '0 B'],
        [1536, 'bytes', '1.5 KiB'],
        [3.25 * 2 ** 30, 'bytes', '3.25 GiB'],
        [700 * 2 ** 20, 'bytes', '700 MiB'],
        [2 ** 63 - 1, 'bytes', '8,192 PiB'],
        [1_310_720, 'bytes_per_second', '1.25 MiB/s'],
        [0.0009, 'cores', '0.001 cores'],
        [999, 'bytes_per_second', '999 B/s'],
        [0.31234, '', '0.312'],
        [0.0001, '', '1.00e-4'],
        [-12.345, '', '-12.3'],
        [123456789, '', '1.23e+8'],
    ])('%d of %s is %s', (value, unit, words) => {
        expect(said(value, unit)).toBe(words)
    })

    it('of one chart share its unit', () => {
        expect(said(512 * 2 ** 20, 'bytes', 4 * 2 ** 30)).toBe('0.5 GiB')
    })

    it('have a grid of round numbers in their unit', () => {
        const steps = increments(scaleOf('bytes', 4 * 2 ** 30))
        expect(steps).toContain(0.5 * 2 ** 30)
        expect(steps).toContain(2 * 2 ** 30)
        expect([...steps].sort((one, other) => one - other)).toEqual(steps)
    })
})
