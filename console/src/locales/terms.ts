/**
 * Words that stay English in every language, as the platform's manual has them, each with its explanation in Chinese.
 * The names of tabs, columns, BRIEF fields and metrics, the status words and the four actions stand here and nowhere else.
 */

export const TERMS = {
    'MY JOBS': '我的作业：我提交过的全部作业',
    'ALL JOBS': '全部作业：所有人正在排队、调度或暂停的作业',
    BRIEF: '作业概要',
    ENDPOINTS: '进入运行中作业的方式',
    METRICS: '资源使用情况',
    CONSOLE: '作业的控制台输出',

    Id: '作业编号',
    Name: '作业名称',
    User: '提交作业的用户',
    Status: '状态',
    'Number of Device': '每个节点的设备数量',
    Preemptible: '是否可被抢占',
    Priority: '优先级（1–1000，越大越先运行）',
    Submitted: '提交时间',
    Started: '开始时间',
    Finished: '结束时间',
    Actions: '操作',

    'Job Id': '作业编号',
    'Job Name': '作业名称',
    'VC Name': '虚拟集群名称',
    'Docker Image': 'Docker 镜像',
    Command: '运行的命令',
    'Data Path': '数据路径',
    'Work Path': '工作路径',
    'Job Path': '作业路径',
    'Device Type': '设备类型',
    'Number of Nodes': '节点数量',
    'Total of Device': '设备总数',
    'Job Status': '作业状态',
    'Job Submission Time': '作业提交时间',

    CPU: '处理器使用',
    'Memory Usage': '内存使用',
    Network: '网络流量',
    'Block IO': '磁盘读写',
    'GPU Usage': 'GPU 使用率',
    'GPU Memory Usage': 'GPU 显存使用',
    'NPU Utilization': 'NPU 使用率',
    'NPU Memory': 'NPU 内存使用',

    queued: '排队中',
    scheduling: '调度中',
    running: '运行中',
    pausing: '正在暂停',
    paused: '已暂停',
    killing: '正在终止',
    killed: '已终止',
    finished: '已完成',
    failed: '失败（作业自身的命令失败）',
    error: '错误（平台无法运行该作业）',

    support: '向运维人员求助',
    pause: '暂停',
    resume: '恢复',
    kill: '终止',

    SSH: '安全终端',
    Jupyter: '交互式笔记本',
    TensorBoard: '训练可视化',
} as const

export type TermName = keyof typeof TERMS
