import type en from '@/locales/en/admin'
import type { Like } from '@/locales/messages'

export default {} satisfies Like<typeof en>
