import type en from '@/locales/en/submit'
import type { Like } from '@/locales/messages'

export default {} satisfies Like<typeof en>
