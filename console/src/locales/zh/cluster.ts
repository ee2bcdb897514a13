import type en from '@/locales/en/cluster'
import type { Like } from '@/locales/messages'

export default {} satisfies Like<typeof en>
