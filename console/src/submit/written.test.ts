import { describe, expect, it } from 'vitest'
import cases from '@/submit/cases.json'
import type { Submission } from '@/submit/request'
import { asCommandLine, asJson, asYaml } from '@/submit/written'

/** The same cases are read by the command itself: tests/unit/jobyard/test_written.py. */
describe.each(cases)('written elsewhere: $name', ({ request, line, yaml, json }) => {
    it('is a line for a shell', () => expect(asCommandLine(request as Submission)).toBe(line))
    it('is a file in YAML', () => expect(asYaml(request as Submission)).toBe(yaml))
    it('is a file in JSON', () => expect(asJson(request as Submission)).toBe(json))
})
