/**
 * Why a job is where it is, in Chinese, by the reason's code. The gateway says the same in English; what is not here is
 * shown in its words. Tells only what the reason's figures hold.
 */

import type { Reason } from '@/api/schema'
import { factsOf, type Amount, type Facts } from '@/job/reasons'
import { absolute } from '@/ui/times'

const REASONS: Readonly<Record<string, (facts: Facts) => string | null>> = {
    queued: () => '等待调度器的下一个周期。',
    starting: (facts) => `节点 ${where(facts)}已为其分配资源，正在启动。`,
    making_room: (facts) =>
        `节点 ${where(facts)}上优先级较低的作业正在停止，为其腾出资源${named(facts.list('victims'))}。`,
    waiting_for_devices: (facts) =>
        facts.needs &&
        `等待 ${facts.needs.devices} 个 ${facts.deviceType}：空闲 ${facts.free?.devices ?? 0} 个` +
            `（单个节点最多 ${facts.freeOnOne?.devices ?? 0} 个），` +
            `${facts.heldBy ?? 0} 个作业占用 ${facts.held?.devices ?? 0} 个。${line(facts)}`,
    waiting_for_cpus: (facts) =>
        facts.needs &&
        `等待 ${facts.needs.cpus} 个 CPU：单个节点最多空闲 ${facts.freeOnOne?.cpus ?? 0} 个。${line(facts)}`,
    waiting_for_memory: (facts) =>
        facts.needs &&
        `等待 ${facts.needs.memoryMib} MiB 内存：单个节点最多空闲 ${facts.freeOnOne?.memoryMib ?? 0} MiB。${line(facts)}`,
    waiting_for_pods: (facts) => `等待节点空出 Pod：其余资源足够的节点，Pod 数都已达上限。${line(facts)}`,
    waiting_for_turn: (facts) => `资源足够，马上启动；除非这些资源是为排在前面的作业保留的。${line(facts)}`,
    gang: (facts) =>
        facts.needs &&
        `需要同时有 ${facts.nodes} 个节点，每个 ${amount(facts.needs, facts.deviceType)}；` +
            `现在可启动 ${facts.number('could_start') ?? 0} 个。${line(facts)}`,
    gang_too_large: (facts) =>
        facts.needs &&
        `申请了 ${facts.nodes} 个节点，每个 ${amount(facts.needs, facts.deviceType)}；` +
            `即使全部空闲，同一台机器或同一集群最多容纳其中 ${facts.number('most') ?? 0} 个。`,
    node_busy: (facts) =>
        `节点 ${facts.list('nodes').join('、')} 拒绝了启动：被视为空闲的资源正被其他程序占用。一分钟内会重试。${line(facts)}`,
    held_until: (facts) => `第 ${facts.text('attempt')} 次运行未成功，${moment(facts.text('until'))}之后重试。`,
    start_refused: (facts) => {
        const why = facts.reason('why')
        if (!why) return '启动被拒绝，将自动重试；作业的所有者和管理员可以看到原因。'
        return `${said(why)}换其他节点也无法启动，${moment(facts.text('not_before'))}之后重试。`
    },
    no_nodes: () => '还没有任何节点上报，无法运行作业。请联系运维人员启动执行器。',
    no_such_device: (facts) =>
        `没有节点配备 ${facts.deviceType ?? '该设备'}。现有设备类型：${facts.list('device_types').join('、') || '无'}。`,
    no_node_fits: (facts) =>
        facts.needs && `申请的资源（${amount(facts.needs, facts.deviceType)}）没有任何单个节点能够满足。`,
    beyond_any_node: (facts) =>
        facts.needs &&
        `每个节点申请的资源（${amount(facts.needs, facts.deviceType)}）超过任何单个节点的总量，请减少申请。`,
    node_silent: (facts) => `节点 ${where(facts)}超过 30 秒没有上报，恢复上报后才知道后续情况。`,
    nodes_closed: (facts) =>
        `只有节点 ${facts.list('nodes').join('、')} 足够大，但目前不接受新的运行（已封锁或有污点），` +
        `或正被平台以外的程序占用，等待恢复。${line(facts)}`,
    node_cordoned: (facts) => `节点已在其集群中封锁${taints(facts)}。集群运维人员解除之前，不会启动新的运行。`,
    node_tainted: (facts) => `节点${taints(facts, '')}。集群运维人员解除之前，不会启动新的运行。`,
    retrying: (facts) => `${ending(facts)}。将自动重试。`,
    command_failed: (facts) => `${ending(facts)}。控制台中有它最后的输出。`,
    finished: () => '命令正常结束，退出码为 0。',
    pausing: (facts) =>
        `${who(facts)}要求暂停，作业有 ${facts.text('grace_period_s')} 秒时间写检查点。${checkpoint(facts)}`,
    preempting: (facts) =>
        `${REASONS[facts.text('rule')]?.(facts) ?? '为其他作业让出资源。'}` +
        `最多 ${facts.text('grace_period_s')} 秒后重新排队。${checkpoint(facts)}`,
    paused: (facts) => `已由 ${facts.text('by')} 暂停，恢复后重新排队。${checkpoint(facts)}`,
    preempted: (facts) => `已为其他作业让出资源，正在重新等待资源。${checkpoint(facts)}`,
    higher_priority: (facts) =>
        facts.text('for')
            ? `作业 ${facts.text('for')} 优先级更高（${facts.text('priority')}），需要它在节点 ${where(facts)}上的资源。`
            : `其他虚拟集群中优先级更高的作业需要它在节点 ${where(facts)}上的资源。`,
    resumed: (facts) => `已由 ${facts.text('by')} 恢复，等待资源。`,
    killing: (facts) => {
        const gone = `进程最多在 ${facts.text('grace_period_s')} 秒内结束。`
        const why = facts.reason('why')
        return why ? `${said(why)}正在终止，${gone}` : `${who(facts)}要求终止，${gone}`
    },
    killed: (facts) => `已由 ${facts.text('by')} 终止。`,
    time_limit: (facts) => `已超过时间上限 ${facts.text('max_duration_s')} 秒。`,
    time_limit_near: (facts) =>
        `即将达到时间上限 ${facts.text('max_duration_s')} 秒：${moment(facts.text('ends_at'))}将被停止，并计为 failed。`,
    run_lost: (facts) => {
        const why = facts.reason('why')
        return `运行已丢失（第 ${facts.text('losses')} 次）。${why ? said(why) : ''}`
    },
    stopped_from_outside: () => '被平台以外的程序停止，也可能是机器关机。',
    node_restarted: () => '运行期间机器重启了。',
    supervisor_gone: () => '监管进程被外部终止，其启动的所有进程均已结束。',
    image_not_used: (facts) => `节点 ${facts.text('node')} 直接在主机上运行作业，不使用镜像 ${facts.text('image')}。`,
    work_path_missing: (facts) => `工作路径不存在，或不是目录${path(facts)}。`,
    data_path_missing: (facts) => `数据路径不存在${path(facts)}。`,
    path_outside: (facts) =>
        facts.text('path') && `路径 ${facts.text('path')} 不在作业可以使用的目录之内，请改用允许的目录下的路径。`,
    path_unusable: (facts) =>
        facts.text('path') && `目录 ${facts.text('path')} 无法使用：${facts.text('error') || '原因不明'}。`,
    secret_missing: () => '作业引用的密钥不存在，请在账户页面创建。',
    devices_lost: (facts) => `该节点的驱动程序已找不到设备 ${facts.list('devices').join('、')}。`,
    devices_missing: (facts) => `该节点没有编号为 ${facts.list('devices').join('、')} 的设备。`,
    devices_busy: (facts) => `该节点的设备 ${facts.list('devices').join('、')} 正被其他运行占用。`,
    cpus_busy: (facts) => `该节点空闲 ${facts.text('free')} 个 CPU，作业申请 ${facts.text('cpus')} 个。`,
    memory_busy: (facts) => `该节点空闲 ${facts.text('free_mib')} MiB 内存，作业申请 ${facts.text('memory_mib')} MiB。`,
    pods_busy: (facts) => `该节点可供运行使用的 ${facts.text('pods')} 个 Pod 都已占用。`,
    start_overdue: (facts) =>
        `节点 ${where(facts)}在 ${facts.text('hours')} 小时内没有启动这次运行：镜像 ${facts.text('image')} 或所需的存储卷、网络迟迟没有就绪。`,
    record_lost: () => '节点上没有这次运行的记录，可能已被删除；其残留的部分已被终止。',
    run_forced: (facts) => `运维人员 ${facts.text('actor')} 声明该运行所在的节点不会恢复，并放弃了这次运行。`,
    namespace_taken: (facts) => `虚拟集群的命名空间 ${facts.text('namespace')} 已有他用，请联系运维人员更换虚拟集群。`,
    namespace_foreign: (facts) =>
        `虚拟集群的命名空间 ${facts.text('namespace')} 此前已存在，可能属于他人。请联系运维人员在 JOBYARD_EXECUTOR_KUBERNETES_EXISTING_NAMESPACES 中指定它，或更换虚拟集群。`,
    node_forgotten: () => '运维人员已移除该节点。',
    program_missing: (facts) =>
        facts.text('program')
            ? `镜像 ${facts.text('image')} 中没有可以启动的程序 ${facts.text('program')}：${facts.text('said')}`
            : '作业所在的环境中没有所需的程序。',
    program_unusable: () => '作业所在的环境缺少启动该程序所需的条件。',
    shell_missing: (facts) =>
        facts.text('needed_by') === 'ranks'
            ? `镜像 ${facts.text('image')} 中没有 /bin/sh，而多节点作业的各个 rank 要在其中互相等待。请改用带有 /bin/sh 的镜像，或只用一个节点。`
            : `镜像 ${facts.text('image')} 中没有 /bin/sh，无法执行命令行。请将命令写成参数列表，第一项为镜像中的程序，即可不经 shell 启动。`,
    disk_full: (facts) =>
        facts.text('path') ? `${facts.text('path')} 所在的磁盘已满，或配额已用完。` : '该节点的磁盘已满。',

    no_image: () => '该节点在容器中运行作业，且没有默认镜像。请在提交时指定镜像。',
    no_user: (facts) =>
        `该节点未指定 ${facts.text('owner')} 的作业以哪个用户运行，因此不予启动。请联系运维人员设置 JOBYARD_EXECUTOR_USERS。`,
    image_unavailable: (facts) => `无法拉取镜像 ${facts.text('image')}：${facts.text('said')}`,
    pulling_image: (facts) => {
        const layers = facts.number('layers')
        const what = `节点 ${facts.text('node')} 正在拉取镜像 ${facts.text('image')}`
        if (layers === null) return `${what}（始于 ${facts.text('since')}）。`
        const amount = facts.number('bytes') === null ? '' : `，${amountOf(facts)}`
        return `${what}：${facts.number('layers_there') ?? 0}/${layers} 层${amount}。`
    },
    registry_login_missing: () => '拉取该作业镜像所用的凭据已不可用，请由虚拟集群管理员重新设置。',
    registry_not_asked: (facts) => unpinned(facts, '运维人员未允许查询其镜像仓库（JOBYARD_GATEWAY_REGISTRIES）'),
    registry_away: (facts) => unpinned(facts, `镜像仓库 ${facts.text('registry')} 没有应答`),
    registry_busy: (facts) => unpinned(facts, `镜像仓库 ${facts.text('registry')} 目前请求过多`),
    registry_forbidden: (facts) =>
        `不允许从镜像 ${facts.text('image')} 所在的仓库拉取。请改用其他镜像，或由运维人员允许（JOBYARD_EXECUTOR_REGISTRIES）。`,
    registry_untrusted: (facts) =>
        unpinned(facts, `镜像仓库 ${facts.text('registry')} 的 TLS 证书不受信任，或未使用 TLS，请联系运维人员`),
    registry_unresolved: (facts) => unpinned(facts, `无法解析镜像仓库 ${facts.text('registry')} 的域名`),
    image_denied: (facts) => unpinned(facts, `镜像仓库 ${facts.text('registry')} 不允许读取，或没有该镜像`),
    image_unknown: (facts) => unpinned(facts, `镜像仓库 ${facts.text('registry')} 没有该镜像或标签`),
    images_not_used: (facts) => unpinned(facts, '目前没有节点在镜像中运行作业，因此未查询'),
    image_missing: (facts) => `节点 ${facts.text('node')} 上没有镜像 ${facts.text('image')}，且该处不拉取镜像。`,
    image_invalid: (facts) => `镜像名称 ${facts.text('image')} 无效：${facts.text('said')}`,
    container_refused: (facts) =>
        `无法创建或启动作业的容器：${facts.text('said')}` +
        (facts.text('lacks') === 'memory_mib' ? '内存不足以启动，请申请更多 memory_mib。' : ''),
    network_refused: (facts) =>
        `该节点的 Docker 引擎无法为多机作业创建网络：${facts.text('said')}请等待其他作业结束，或由运维人员增加 default-address-pools。`,
    launch_failed: (facts) => `该节点的执行器启动作业时出现故障：${facts.text('said')}详情见其日志。`,
    path_moved: (facts) =>
        `启动期间，作业的目录${path(facts)}被移动，或被替换为链接，因此作业未运行。请确保路径不变后重新提交。`,
    container_removed: () => '作业的容器被外部删除。',
    container_killed: () => '作业的容器被外部终止，或 Docker 引擎重启，其中的进程均已结束。',
    out_of_memory: () => '作业超出内存限制，内核已终止其容器中的所有进程。',
    marks_damaged: () => '作业覆盖了监管进程的记录，无法得知它如何结束。',
    cluster_refused: (facts) => `集群拒绝创建作业的 pod：${facts.text('said')}`,
    path_unmapped: (facts) => `目录 ${facts.text('path')} 不在集群的任何存储上，请改用在存储上的路径。`,
    path_whole: (facts) =>
        `目录 ${facts.text('path')} 是多人共用的整个存储，作业不能写入其全部。请改用其中的子目录，或将其作为只读的 data_path。`,
    path_read_only: (facts) =>
        `作业不能写入 ${facts.text('within')}，而目录 ${facts.text('path')} 位于其中或包含该目录。请改用其他目录，并将需要读取的内容作为 data_path。`,
    path_movable: (facts) =>
        facts.text('within')
            ? `目录 ${facts.text('path')} 位于另一个运行可写入的目录 ${facts.text('within')} 之内，启动期间可能被替换。待没有运行使用 ${facts.text('within')} 时作业自动启动；直接使用该目录提交则无需等待。`
            : `目录${path(facts)}之内有另一个正在启动的运行所用的目录，待其启动后本作业自动启动。`,
    devices_unknown: (facts) => `运维人员没有为类型 ${facts.text('device_type')} 的设备指定集群中的资源。`,
    claim_missing: (facts) =>
        `虚拟集群的命名空间 ${facts.text('namespace')} 中没有存储声明 ${facts.text('claim')}，请联系运维人员创建后重新提交。`,
    claim_unbound: (facts) => `作业所需的存储声明尚未绑定存储卷，请联系运维人员：${facts.text('said')}`,
    unschedulable: (facts) => `Kubernetes 无法在选定的位置放下这次运行：${facts.text('said')}`,
    claim_differs: () => '该命名空间的存储声明中的文件与平台的存储不一致，作业未启动。请联系运维人员。',
    scheduler_failed: (facts) => `集群的调度器未能放置作业的 pod：${facts.text('said')}`,
    pod_waits: (facts) => `节点 ${facts.text('node')} 暂时无法启动这次运行，正在重试：${facts.text('said')}`,
    namespace_closed: (facts) =>
        `虚拟集群 ${facts.text('vc')} 在该集群中没有位置：命名空间 ${facts.text('namespace')} 不存在，或执行器无权使用。` +
        `请联系运维人员将其加入 Helm chart 的 runs.virtualClusters，或创建该命名空间。集群的说明：${facts.text('said')}`,
    node_refused: (facts) => `节点 ${facts.text('node')} 没有接受作业的 pod：${facts.text('said')}`,
    evicted: (facts) => `节点驱逐了作业的 pod：${facts.text('said')}`,
    disrupted: (facts) => `Kubernetes 收回了作业的 pod（${facts.text('cause')}）：${facts.text('said')}`,
    disk_exceeded: () => '作业在其目录之外写入的数据超出限制，已被节点终止。请写入作业目录，或联系运维人员。',
    oom_killed: () => '作业所需的内存超出限制，已被内核终止。请申请更多 memory_mib。',
    pod_gone: () => '作业的 pod 在结果保存之前从集群中消失。',
    stopped_by_others: () => '作业的 pod 被他人删除，并非由 Jobyard 请求。',
    node_lost: (facts) => `节点 ${facts.text('node')} 没有响应，集群等待它的时间已过。`,
    node_closed: (facts) => `节点 ${facts.text('node')} 已不再允许运行作业（NoExecute），或曾一段时间没有响应。`,
    node_gone: (facts) => `节点 ${facts.text('node')} 在作业运行期间从集群中移除。`,
    result_unknown: () => '节点丢失了作业的容器，无法得知它如何结束。',
    idle: () => '长时间无人使用，且作业没有自己的命令。',

    no_run: () => '作业当前未运行，运行后入口会自动打开。',
    job_over: () => '作业已结束，入口随之关闭。',
    kept: (facts) => `作业已结束；TensorBoard 的内容可查看至${moment(facts.text('until'))}。`,
    removed: () => '已被关闭；作业结束前可以再次打开。',
    closing_idle: (facts) => `无人使用，将于${moment(facts.text('closes_at'))}关闭；使用即可保持打开。`,
}

/** The codes whose sentence says itself which rank it is about. */
const NAME_THE_RANK: readonly string[] = ['command_failed', 'retrying']

/** Null where its code is not known here, or figures are missing. What is so of one of several ranks names it. */
export function inChinese(reason: Reason): string | null {
    const facts = factsOf(reason)
    const sentence = REASONS[reason.code]?.(facts)
    if (!sentence) return null
    const rank = NAME_THE_RANK.includes(reason.code) ? null : facts.number('rank')
    return rank === null ? sentence : `节点 ${facts.text('node')} 上的 rank ${rank}：${sentence}`
}

/** The reason behind another; one that is not known here in the gateway's words. */
function said(why: Reason): string {
    return REASONS[why.code]?.(factsOf(why)) ?? `${why.message} `
}

const NODES_NAMED = 5

/** With the space that parts a name from what follows it. */
function where(facts: Facts): string {
    const nodes = facts.list('nodes')
    const first = nodes.slice(0, NODES_NAMED).join('、') || facts.text('node')
    return nodes.length > NODES_NAMED ? `${first} 等 ${nodes.length} 个节点` : `${first} `
}

function taints(facts: Facts, before = '，且'): string {
    const named = facts.list('taints').join('、')
    return named && `${before}带有运行无法容忍的污点 ${named}`
}

function line(facts: Facts): string {
    if (facts.ahead === null) return ''
    const passed = facts.number('passed_by')
    const behind = passed ? `排在后面的 ${passed} 个作业已先启动。` : ''
    return (facts.ahead === 0 ? '排在第一位。' : `前面还有 ${facts.ahead} 个作业。`) + behind
}

function ending(facts: Facts): string {
    const signal = facts.text('signal')
    const rank = facts.number('rank')
    const what = rank === null ? '命令' : `节点 ${facts.text('node')} 上的 rank ${rank} `
    if (signal) return `${what}被信号 ${signal} 终止${signal === 'SIGKILL' ? '（可能内存不足）' : ''}`
    return `${what}已结束，退出码为 ${facts.text('exit_code')}`
}

function who(facts: Facts): string {
    return `${facts.text('by')} `
}

function checkpoint(facts: Facts): string {
    const at = facts.text('checkpoint_at')
    return at ? `最近一次检查点写于${moment(at)}。` : ''
}

function moment(text: string): string {
    const at = Date.parse(text)
    return Number.isNaN(at) ? '稍后' : ` ${absolute(at, 'zh')} `
}

function path(facts: Facts): string {
    const path = facts.text('path')
    return path ? `：${path}` : ''
}

function named(ids: string[]): string {
    return ids.length > 0 ? `：${ids.join('、')}` : ''
}

function amount(needs: Amount, type: string | null): string {
    const devices = needs.devices > 0 ? `${needs.devices} 个 ${type ?? '设备'}、` : ''
    const memory = needs.memoryMib > 0 ? `、${needs.memoryMib} MiB 内存` : ''
    return `${devices}${needs.cpus} 个 CPU${memory}`
}

/** Why a tag has no digest. */
function unpinned(facts: Facts, why: string): string {
    return `镜像 ${facts.text('image')} 的标签未固定到摘要：${why}。标签若改动，之后的运行会使用另一个镜像。`
}

/** `1.2/4.0 GiB`. */
function amountOf(facts: Facts): string {
    return facts.text('amount').replace(' of ', '/')
}
