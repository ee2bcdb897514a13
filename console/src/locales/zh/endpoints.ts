import type en from '@/locales/en/endpoints'
import type { Like } from '@/locales/messages'

export default {
    lead: '作业运行期间可以使用这些入口，作业结束后入口随之关闭。',
    over: '作业已结束，入口随之关闭。',
    refused: {
        title: '您无权使用该作业的入口',
        text: '只有 {owner} 和管理员可以使用。',
    },
    port: '端口 {port}',
    rank: 'rank {rank}',
    enable: '启用 {what}',
    open: '打开',
    opening: '正在打开 {what}……',
    blocked: '浏览器阻止了新标签页。请允许本页面弹出窗口后重试。',
    command: '命令',
    address: '{what} 的地址',
    folder: '目录',
    lastUsed: '{name} 最近使用于',
    keyless: '通过 SSH 登录需要公钥，您还没有添加公钥。',
    states: {
        off: '已关闭',
        later: '作业运行后打开',
        starting: '正在启动……',
        ready: '就绪',
        failed: '失败',
    },
    tensorboardNote: 'TensorBoard 日志应写入作业路径下的 tensorboard 目录：',
    portNote: '作业中的程序必须在本机监听该端口（监听 127.0.0.1 即可）。',
    new: {
        label: '新的交互式端口',
        rank: 'Rank',
        add: '打开端口',
        wrong: '请输入 {least} 到 {most} 之间的端口号。',
    },
} satisfies Like<typeof en>
