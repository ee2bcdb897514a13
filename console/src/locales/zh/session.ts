import type en from '@/locales/en/session'
import type { Like } from '@/locales/messages'

export default {
    title: '登录',
    lead: '查看训练作业的状态和原因。',
    user: '用户名',
    password: '密码',
    signIn: '登录',
    issuer: '使用 {issuer} 登录',
    or: '或',
    refused: '身份提供方未能让您登录。请重试；如果您的用户名在这里已属于他人，请联系管理员。',
    expired: { title: '登录已失效', text: '请以 {name} 的身份重新登录，之前的操作会继续进行。', leave: '离开' },
    empty: '请输入用户名和密码。',
} satisfies Like<typeof en>
