/** What a press on an action leads to: a dialog for most, for resume the deed. */

import { act } from '@/actions/acting'
import { want } from '@/actions/wanted'
import type { Action, Job } from '@/api/schema'
import type { IconName } from '@/ui/icons'

export const ICON: Record<Action, IconName> = { support: 'mail', pause: 'pause', resume: 'play', kill: 'kill' }

export function choose(job: Job, action: Action): void {
    if (action === 'support') want({ kind: 'support', job })
    else if (action === 'resume') void act(job, action)
    else want({ kind: 'confirm', wish: action, jobs: [job] })
}
