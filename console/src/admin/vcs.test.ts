import { describe, expect, it } from 'vitest'
import { changeOf, draftOf } from '@/admin/vcs'

describe('the bounds of a virtual cluster', () => {
    it('are none where a field is empty', () => {
        expect(changeOf(draftOf(null))).toEqual({
            open: true,
            max_priority: null,
            max_duration_s: null,
            jobs_per_user: null,
            endpoint_idle_s: null,
        })
    })

    it('are numbers, and what is no number is for the gateway to refuse', () => {
        const draft = draftOf(null)
        draft.bounds.max_priority = ' 500 '
        draft.bounds.jobs_per_user = 'many'
        expect(changeOf(draft)).toMatchObject({ max_priority: 500, jobs_per_user: 'many' })
    })
})
