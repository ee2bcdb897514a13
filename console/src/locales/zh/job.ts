import type en from '@/locales/en/job'
import type { Like } from '@/locales/messages'

export default {
    tabs: '作业的各部分',
    clone: '克隆',
    hidden: '无权查看',
    missing: {
        title: '没有找到这个作业',
        text: '它可能属于您未加入的虚拟集群，也可能是编号有误。',
    },
    position: '排队位置',
    seeQueue: '查看队列',
    blockers: '被谁阻挡',
    heldBy: '{count} 个占用设备的作业',
    seeCluster: '查看资源占用情况',
    change: {
        title: '怎样才能改变',
        queued: '调度器马上会处理。',
        waiting_for_devices:
            '当某个节点空出 {devices} 个 {type} 时启动，目前最多空闲 {free} 个。提高优先级可以提前，减少设备数量更容易满足。',
        waiting_for_cpus: '当某个节点空出 {cpus} 个 CPU 时启动。提高优先级可以提前，减少 CPU 更容易满足。',
        waiting_for_memory: '当某个节点空出 {memory} MiB 内存时启动。提高优先级可以提前，减少内存更容易满足。',
        waiting_for_turn: '无需操作：会自动启动，或在为其保留资源的作业之后启动。',
        making_room: '无需操作：这些作业停止后即启动。',
        node_busy: '无需操作：一分钟内会重试。',
        node_silent: '等待该节点上报。如果节点已不再使用，运维人员可以将其移除。',
        held_until: '无需操作：会自动重试。',
        no_nodes: '需要运维人员启动执行器。',
        no_such_device: '终止后改用现有的设备类型重新提交，或申请配备 {type} 的节点。',
        no_node_fits: '终止后减少资源重新提交。',
        starting: '无需操作：正在启动。',
        preempting: '无需操作：会自动重新排队。提高优先级可避免下次被抢占。',
        preempted: '有资源后重新启动。提高优先级可以提前。',
        paused: '恢复后重新排队。',
    },
    failure: {
        title: '失败原因',
        exitCode: '退出码 {code}',
        lines: '控制台的最后几行',
        silent: '作业没有任何控制台输出。',
        console: '完整控制台',
    },
} satisfies Like<typeof en>
