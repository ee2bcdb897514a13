/**
 * What the gateway says of a submission, in Chinese, by the form of its English sentence; what is not here is shown as
 * it came. The order counts: the first that matches is taken.
 */

type Said = (...parts: string[]) => string

export const REFUSALS: readonly (readonly [RegExp, Said])[] = [
    [/^is required; only a job with endpoints/, () => '必须填写；只有带入口或交互端口的作业可以不填。'],
    [/^is required$/, () => '必须填写。'],
    [
        /^must begin with a letter or digit and have at most 64/,
        () => '须以字母或数字开头，最多 64 个字母、数字、点、下划线或连字符。',
    ],
    [/^must be the name of a virtual cluster/, () => '须为虚拟集群的名称。'],
    [/^must be an image reference/, () => '须为镜像名称，不含空格或选项，例如 python:3.12。'],
    [/^must be a device type/, () => '须为小写的设备类型，例如 v100 或 cpu。'],
    [/^names must begin with a letter or '_'/, () => '变量名须以字母或下划线开头，最多 128 个字母、数字或下划线。'],
    [/^keys and values take at most 63/, () => '名称和值最多 63 个字母、数字、_、/ 或 -，值还可含 .、@、+ 或 =。'],
    [/^must be a secret's name/, () => '须为密钥的名称。'],
    [
        /^must be an address such as mailto:/,
        () => '须为 mailto:ada@example.org 或 https://example.org/hook 这样的地址，不含空格。',
    ],
    [/^must be names of events/, () => '须为小写的事件名称，例如 finished。'],
    [
        /^must begin with mailto: or https:\/\/; other services that the operators allowed: none$/,
        () => '须以 mailto: 或 https:// 开头。',
    ],
    [
        /^must begin with mailto: or https:\/\/; other services that the operators allowed: (.+)$/,
        (others = '') => `须以 mailto: 或 https:// 开头，或使用运维人员允许的其他服务：${others}。`,
    ],
    [/^must begin with https:\/\/; plain http/, () => '须以 https:// 开头；http 只能用于运维人员允许的网络。'],
    [/^must be one plain mail address/, () => '须为一个邮件地址，例如 mailto:ada@example.org。'],
    [/^must be an address like https:/, () => '须为 https://example.org/path 这样的地址，不含用户名、密码或 #。'],
    [/^mails go to addresses of these domains only: (.+)$/, (domains = '') => `邮件只能发往这些域名：${domains}。`],
    [/^(\S+) is an address inside of a network/, (address = '') => `${address} 是内网地址，须由运维人员允许。`],
    [
        /^takes (\d+) bytes, above (\d+); use a shorter path$/,
        (size = '', most = '') => `路径有 ${size} 字节，超过 ${most} 字节，请缩短。`,
    ],
    [
        /^holds a name of (\d+) bytes, above (\d+)/,
        (size = '', most = '') => `其中一段名称有 ${size} 字节，超过 ${most} 字节，请缩短。`,
    ],
    [
        /^You have (\d+) jobs? in the virtual cluster '(.+?)' that (?:is|are) not over/,
        (count = '', vc = '') =>
            `您在虚拟集群 ${vc} 中已有 ${count} 个未结束的作业，达到上限。请等待其中一个结束，或将其终止。`,
    ],
    [/^must be some of (.+)$/, (events = '') => `只能从这些事件中选择：${events}。`],
    [/^must be a whole number$/, () => '须为整数。'],
    [/^must be a number$/, () => '须为数字。'],
    [/^must be a finite number$/, () => '须为有限的数字。'],
    [/^is too large$/, () => '数值过大。'],
    [/^must be a string$/, () => '须为文本。'],
    [/^must be a line for the shell, or a list of arguments$/, () => '须为 Shell 命令行或参数列表。'],
    [/^must be at least 1 for device_type '(.+)'$/, (type = '') => `使用 ${type} 时至少为 1。`],
    [/^above 0 needs a device_type other than 'cpu'/, () => '大于 0 时须选择 cpu 以外的设备类型。'],
    [/^jobs on several nodes are not supported yet/, () => '暂不支持多节点作业，请填 1。'],
    [/^must be at least (\S+)$/, (least = '') => `至少为 ${least}。`],
    [/^must be above (\S+)$/, (bound = '') => `须大于 ${bound}。`],
    [/^must be at most (\S+)$/, (most = '') => `最多为 ${most}。`],
    [
        /^must be at most (\S+) in the virtual cluster '(.+?)';/,
        (most = '', vc = '') => `在虚拟集群 ${vc} 中最多为 ${most}。`,
    ],
    [/^must be below (\S+)$/, (bound = '') => `须小于 ${bound}。`],
    [/^must have at least (\d+) character/, (least = '') => `至少 ${least} 个字符。`],
    [/^must have at most (\d+) characters$/, (most = '') => `最多 ${most} 个字符。`],
    [/^must have at least (\d+) item/, (least = '') => `至少选择 ${least} 项。`],
    [/^must have at most (\d+) items$/, (most = '') => `最多 ${most} 项。`],
    [/^must name at most (\d+) secrets$/, (most = '') => `最多使用 ${most} 个密钥。`],
    [/^must not contain a NUL character/, () => '不能包含 NUL 字符。'],
    [/^must not contain control characters/, () => '不能包含控制字符。'],
    [/^must not leave its root/, () => '不能离开所在的目录：路径中不能有 ..、反斜杠或编码字符。'],
    [/^must not name the same thing twice/, () => '有重复，请去掉。'],
    [/^names that begin with JOBYARD_/, () => '以 JOBYARD_ 开头的变量名由平台使用，请换一个。'],
    [
        /^with env it takes (\d+) bytes, above (\d+)/,
        (size = '', most = '') => `与环境变量合计 ${size} 字节，超过 ${most} 字节，请写入文件。`,
    ],
    [/^There is no secret '(.+?)'/, (name = '') => `没有名为 ${name} 的密钥，请在账户页面创建，或不使用它。`],
    [
        /^you do not belong to a virtual cluster '(.+?)'; yours: (.+?)$/,
        (vc = '', yours = '') => `您不属于虚拟集群 ${vc}，您所属的有：${yours}。`,
    ],

    [
        /^Asks for (.+) on one node; no node is that large, with at most (.+?)\.$/,
        (asked = '', most = '') => `没有这么大的节点：在一个节点上申请了 ${asked}，最多只有 ${most}。`,
    ],
    [
        /^Every node runs jobs on the host itself .*: the image (.+) is not used\.$/,
        (image = '') => `所有节点都直接在主机上运行作业，不使用镜像 ${image}。`,
    ],
    [/^Every (\S+) here is simulated/, (type = '') => `这里的 ${type} 都是模拟的：会计数和分配，但并不存在。`],
]
