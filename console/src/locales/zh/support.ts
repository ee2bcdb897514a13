import type en from '@/locales/en/support'
import type { Like } from '@/locales/messages'

export default {} satisfies Like<typeof en>
