import { describe, expect, it } from 'vitest'
import { dashboard, type Shown } from '@/job/metrics/grafana'

const ORIGIN = 'https://yard.example.org'
const SHOWN: Shown = { jobId: '01J', range: { kind: 'life' }, from: 100, to: 200.5, live: false, dark: false }

describe('the dashboard in Grafana', () => {
    it('shows the job, the time and the theme of the page', () => {
        expect(dashboard('/grafana/d/jobyard-job', ORIGIN, SHOWN)).toBe(
            '/grafana/d/jobyard-job?var-job_id=01J&from=100000&to=200500&theme=light&kiosk=1',
        )
    })

    it('goes on with a job that runs', () => {
        const shown: Shown = { ...SHOWN, range: { kind: '1h' }, live: true, dark: true }
        expect(dashboard('/grafana/d/jobyard-job', ORIGIN, shown)).toBe(
            '/grafana/d/jobyard-job?var-job_id=01J&from=now-3600s&to=now&theme=dark&kiosk=1&refresh=30s',
        )
    })

    it.each([
        null,
        undefined,
        '',
        'https://elsewhere.example.org/grafana/d/x',
        '//elsewhere.example.org/grafana/d/x',
        '/\\elsewhere.example.org/grafana/d/x',
        '/other/d/x',
        '/grafana/../api/v1/me',
        '/grafana',
        'javascript:alert(1)',
        'http://yard.example.org/grafana/d/x',
    ])('is none at %s', (path) => {
        expect(dashboard(path, ORIGIN, SHOWN)).toBeNull()
    })
})
