import type en from '@/locales/en/jobs'
import type { Like } from '@/locales/messages'

export default {} satisfies Like<typeof en>
