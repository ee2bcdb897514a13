import type en from '@/locales/en/job'
import type { Like } from '@/locales/messages'

export default {} satisfies Like<typeof en>
