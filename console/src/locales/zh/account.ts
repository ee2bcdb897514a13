import type en from '@/locales/en/account'
import type { Like } from '@/locales/messages'

export default {} satisfies Like<typeof en>
