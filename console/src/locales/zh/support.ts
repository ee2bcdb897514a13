import type en from '@/locales/en/support'
import type { Like } from '@/locales/messages'

export default {
    title: '就 {name} 向运维人员求助',
    lead: '邮件会附上作业的基本情况：状态、原因、设备和历史。',
    subject: '主题',
    message: '内容',
    hint: '预期是什么？实际发生了什么？',
    includeLogs: '附上控制台的最后几行',
    send: '发送',
    empty: '请填写主题和内容。',
    state: {
        waiting: '邮件正在发送……',
        smtp: '邮件已于 {at} 发送。',
        file: '没有配置邮件服务器，邮件已于 {at} 写入文件。',
        failed: '邮件未能发送。',
        where: '运维人员可在此处找到：',
        next: '下次尝试：{at}。',
    },
} satisfies Like<typeof en>
