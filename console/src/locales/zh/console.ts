import type en from '@/locales/en/console'
import type { Like } from '@/locales/messages'

export default {} satisfies Like<typeof en>
