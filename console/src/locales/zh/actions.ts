import type en from '@/locales/en/actions'
import type { Like } from '@/locales/messages'

export default {
    of: '{name} 的操作',
    pending: '正在对 {name} 执行 {action}',
    confirm: {
        one: '对 {name} 执行 {action}？',
        many: '对 {count} 个作业执行 {action}？',
        pause: {
            waits: '作业将暂停，直到有人执行 resume。',
            runs: '命令会收到 SIGTERM，最多有 {grace} 秒写入检查点，随后结束并释放设备。resume 之后从最近的检查点重新开始。',
        },
        kill: {
            waits: '作业将彻底结束，无法恢复；文件会保留。',
            runs: '命令会收到 SIGTERM，最多 {grace} 秒后彻底结束，无法恢复；文件会保留。',
        },
        resume: { waits: '作业将重新排队。', runs: '作业将重新排队。' },
    },
    held: { device: '{count} 个设备', cpu: '{count} 个 CPU' },
    cost: { device: '{minutes} 设备分钟', cpu: '{minutes} CPU 分钟' },
    loss: {
        nothing: '作业没有在运行，不会丢失任何工作。',
        unknown:
            '已在 {held} 上运行 {age}。这里不知道最近一次检查点的时间：除非现在写入检查点，否则此后的工作都会丢失。',
        all: '自 {age}前在 {held} 上开始运行以来还没有写过检查点：除非现在写入，否则这段工作（{cost}）会丢失。',
        since: '最近一次检查点是 {age}前：除非现在写入，否则此后在 {held} 上的工作（{cost}）会丢失。',
        many: '{count} 个作业中有 {running} 个正在运行：除非现在写入检查点，否则它们自最近一次检查点以来的工作会丢失。',
        asking: '正在查找最近的检查点……',
    },
    outcome: {
        pause: '{name} 已暂停（paused）',
        resume: '{name} 已恢复，当前为 {status}',
        kill: '{name} 已终止（killed）',
        elsewhere: '{name} 已先行结束，状态为 {status}',
        lost: {
            device: '；自最近一次检查点以来的 {minutes} 设备分钟已丢失',
            cpu: '；自最近一次检查点以来的 {minutes} CPU 分钟已丢失',
        },
    },
    priority: {
        label: '优先级，1 到 1000',
        lead: '数值越大越先运行。',
        many: '{count} 个作业的优先级',
        set: '设置优先级',
        wrong: '请输入 {lowest} 到 {highest} 之间的整数。',
    },
    summary: {
        title: '{action} 的结果',
        lead: '完成 {done} 个，拒绝 {refused} 个',
        done: '{count} 个作业已完成操作',
        refused: '{count} 个作业被拒绝',
        pause: '运行中的作业会在宽限期内结束，列表会显示结果。',
        kill: '运行中的作业会在宽限期内结束，列表会显示结果。',
        silent: '平台没有说明原因。请单独对该作业重试。',
    },
} satisfies Like<typeof en>
