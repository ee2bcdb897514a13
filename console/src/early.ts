/**
 * The first that runs: asks for what the page will show while its code is still on its way.
 *
 * MY JOBS and ALL JOBS are what people open all day, so their code and rows come along with the frame's.
 */

import '@/styles/tokens.css'
import '@/styles/base.css'
import '@/styles/parts.css'

import { askEarly } from '@/api/early'
import { addressOf, type Scope } from '@/jobs/view'

const LISTS: Readonly<Record<string, Scope>> = { '/': 'mine', '/jobs': 'mine', '/all': 'all' }

askEarly('/api/v1/me')
const list = LISTS[location.pathname]
if (list !== undefined) {
    askEarly(addressOf(list, location.search))
    void import('@/jobs/JobsPage.vue')
}
void import('@/main')
