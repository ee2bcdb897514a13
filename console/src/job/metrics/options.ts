/**
 * How uPlot draws one chart: our colours, units and times; the crosshair is shared by all charts of a page.
 *
 * What is drawn changes while the chart stays: all that depends on it is asked for when uPlot draws.
 */

import type uPlot from 'uplot'
import type { Colours } from '@/job/metrics/colours'
import { alone, type Line } from '@/job/metrics/lines'
import { axisTime } from '@/job/metrics/moments'
import { digits, increments, type Scale } from '@/ui/units'

export type Drawn = {
    readonly lines: readonly Line[]
    readonly scale: Scale
    /** Whether its lines begin at zero: what a job reports need not. */
    readonly fromZero: boolean
    /** The highest value that there can be, where that is known. */
    readonly most: number | null
    readonly from: number
    readonly to: number
}

export const SYNC = 'jobyard-metrics'

const FONT = '11px system-ui, sans-serif'

/** Line `number` in its colour; a second round of colours is dashed. */
export function strokeOf(number: number, colours: Colours): { colour: string; dashed: boolean } {
    const { length } = colours.series
    return { colour: colours.series[number % length] ?? colours.text, dashed: number >= length }
}

/** Whether a chart of one can show the other: the same lines, with other values. */
export function alike(one: Drawn, other: Drawn): boolean {
    return one.lines.length === other.lines.length && one.lines.every(({ key }, at) => key === other.lines[at]?.key)
}

/** `now`: what is drawn by now. */
export function optionsOf(
    now: () => Drawn,
    colours: Colours,
    language: string,
    size: { width: number; height: number },
    hear: { at: (place: number | null) => void; range: (from: number, to: number) => void },
): uPlot.Options {
    const axis = { stroke: colours.text, font: FONT, grid: { stroke: colours.line, width: 1 }, ticks: { show: false } }
    return {
        ...size,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: {
            y: false,
            sync: { key: SYNC, setSeries: false },
            drag: { x: true, y: false, setScale: false },
            points: { size: 6 },
        },
        scales: {
            x: { time: true, range: () => [now().from, now().to] },
            y: { range: (_, low, high) => extentOf(now(), low, high) },
        },
        axes: [
            {
                ...axis,
                size: 26,
                space: 72,
                values: (_, splits, _axis, _space, distance) =>
                    splits.map((moment) => axisTime(moment, distance, language)),
            },
            {
                ...axis,
                size: 52,
                space: 28,
                incrs: () => increments(now().scale),
                values: (_, splits) => splits.map((value) => digits(value, now().scale, language)),
            },
        ],
        series: [
            {},
            ...now().lines.map((_, number) => {
                const { colour, dashed } = strokeOf(number, colours)
                return {
                    stroke: colour,
                    width: 1.5,
                    dash: dashed ? [4, 3] : [],
                    spanGaps: false,
                    points: {
                        show: true,
                        size: 4,
                        fill: colour,
                        filter: () => alone(now().lines[number]?.values ?? []),
                    },
                }
            }),
        ],
        hooks: {
            setCursor: [(chart) => hear.at(chart.cursor.idx ?? null)],
            setSelect: [
                (chart) => {
                    const { left, width } = chart.select
                    if (width < 8) return
                    hear.range(Math.floor(chart.posToVal(left, 'x')), Math.ceil(chart.posToVal(left + width, 'x')))
                    chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
                },
            ],
        },
    }
}

function extentOf(drawn: Drawn, low: number | null, high: number | null): [number, number] {
    if (drawn.most !== null) return [0, drawn.most]
    if (drawn.fromZero) return [0, (high ?? 0) > 0 ? (high ?? 0) * 1.1 : drawn.scale.divide]
    if (low === null || high === null) return [0, 1]
    const margin = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1
    return [low - margin, high + margin]
}
