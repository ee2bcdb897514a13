/** The eight charts of METRICS, in the order of the platform's manual. */

import type { TermName } from '@/locales/terms'

/** What a chart needs to be drawn: `none` for what every run has. */
export type Needs = 'none' | 'gpu' | 'npu'

export type Family = { readonly name: string; readonly term: TermName; readonly needs: Needs }

export const FAMILIES: readonly Family[] = [
    { name: 'cpu', term: 'CPU', needs: 'none' },
    { name: 'memory', term: 'Memory Usage', needs: 'none' },
    { name: 'network', term: 'Network', needs: 'none' },
    { name: 'block_io', term: 'Block IO', needs: 'none' },
    { name: 'gpu_utilization', term: 'GPU Usage', needs: 'gpu' },
    { name: 'gpu_memory', term: 'GPU Memory Usage', needs: 'gpu' },
    { name: 'npu_utilization', term: 'NPU Utilization', needs: 'npu' },
    { name: 'npu_memory', term: 'NPU Memory', needs: 'npu' },
]
