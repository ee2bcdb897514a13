import type en from '@/locales/en/ui'
import type { Like } from '@/locales/messages'

export default {
    close: '关闭',
    cancel: '取消',
    copy: '复制 {what}',
    copied: '已复制',
    loading: '加载中……',
    retry: '重试',
    more: '更多',
    yes: '是',
    no: '否',
    none: '无',
    create: '创建',
    remove: '删除',
    removeOne: '删除 {name}',
    dismiss: '知道了',
    problem: {
        offline: '平台没有响应。请检查网络连接后重试。',
        unknown: '出错了（{status}）。请重试；如果一直如此，请联系运维人员。',
        request: '请求 {id}',
    },
    now: '刚刚',
} satisfies Like<typeof en>
