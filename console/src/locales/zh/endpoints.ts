import type en from '@/locales/en/endpoints'
import type { Like } from '@/locales/messages'

export default {} satisfies Like<typeof en>
