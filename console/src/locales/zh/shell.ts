import type en from '@/locales/en/shell'
import type { Like } from '@/locales/messages'

export default {
    skip: '跳到正文',
    navigation: '页面',
    cluster: '集群',
    admin: '管理',
    submit: '提交作业',
    search: '按编号或名称搜索',
    searchHint: '按 / 开始搜索',
    language: '语言',
    theme: '外观',
    themes: { auto: '跟随系统', light: '浅色', dark: '深色' },
    account: '账户',
    accountOf: '{name} 的账户',
    signOut: '退出登录',
    connection: {
        connecting: '正在连接……',
        open: '实时：变化随时显示',
        lost: '连接已断开，正在重试……',
        expired: '登录已失效',
    },
    lostBar: '无法连接到平台。当前内容可能已过时，页面会自动恢复。',
    unloadable: '平台有响应，但页面未能加载。请稍后刷新；如仍无法打开，请告知运维人员。',
    notFound: { title: '没有这个页面', text: '地址可能有误，或来自其他版本。', back: '返回 MY JOBS' },
} satisfies Like<typeof en>
