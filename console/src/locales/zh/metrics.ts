import type en from '@/locales/en/metrics'
import type { Like } from '@/locales/messages'

export default {} satisfies Like<typeof en>
