/**
 * What the gateway refuses, in Chinese, by the form of its English sentence: of a submission's fields first, then of all
 * else. The order counts: the first that matches is taken.
 */

type Said = (...parts: string[]) => string

const WISHES: Readonly<Record<string, string>> = {
    paused: '暂停',
    resumed: '恢复',
    killed: '终止',
    'given another priority': '修改优先级',
}

/** For a sentence that is not here, by its status: it follows in English. */
export const BY_STATUS: Readonly<Record<number, string>> = {
    403: '没有权限。',
    404: '没有找到。',
    409: '与当前状态不符。',
    422: '内容有误。',
    429: '操作过于频繁，请稍后再试。',
    503: '平台暂时无法处理，请稍后再试。',
}

export const REFUSALS: readonly (readonly [RegExp, Said])[] = [
    [
        /^This browser is signed out, but the gateway's database/,
        () => '此浏览器已退出登录，但网关的数据库没有响应：该 cookie 若在别处，到期前仍然有效。',
    ],
    [/^is required; only a job with endpoints/, () => '必须填写；只有带入口或交互端口的作业可以不填。'],
    [/^is required$/, () => '必须填写。'],
    [
        /^must begin with a letter or digit and have at most 64/,
        () => '须以字母或数字开头，最多 64 个字母、数字、点、下划线或连字符。',
    ],
    [/^must be the name of a virtual cluster/, () => '须为虚拟集群的名称。'],
    [/^must be an image reference/, () => '须为镜像名称，不含空格或选项，例如 python:3.12。'],
    [/^has (\d+) characters, and a name of an image/, (count = '') => `有 ${count} 个字符，镜像名称最多 255 个。`],
    [/^must end in '@sha256:'/, () => '若指定摘要，须以 @sha256: 加 64 个数字或 a 到 f 的字母结尾。'],
    [/^must have a tag of at most 128/, () => '冒号后的标签最多 128 个字母、数字、下划线、点或连字符。'],
    [
        /^must be a name such as 'python/,
        () =>
            '须为 python:3.12 或 registry.lab:5000/team/train:1 这样的名称：各部分为小写字母和数字，其间可有单个点、下划线或连字符。',
    ],
    [/^must be a name, not the id of an image/, () => '须为名称，不能是某台机器上的镜像 ID；请为镜像加标签。'],
    [/^must be the name of a registry/, () => '须为镜像仓库的名称，端口不是 443 时带上端口，例如 registry.lab:5000。'],
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
    [
        /^a job has at most (\d+); ask for fewer/,
        (most = '') => `一个作业最多 ${most} 个节点，可减少节点并增加每节点的设备。`,
    ],
    [
        /^over all nodes a job has at most (\d+);/,
        (most = '') => `所有节点的设备合计最多 ${most} 个，请减少设备数或节点数。`,
    ],
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
        /^Asks for (.+) on (?:one node|each of its nodes); no node is that large, with at most (.+?)\.$/,
        (asked = '', most = '') => `没有这么大的节点：在一个节点上申请了 ${asked}，最多只有 ${most}。`,
    ],
    [
        /^Asks for (\d+) nodes of (.+) each; even if nothing else ran there, at most (\d+) of them/,
        (nodes = '', each = '', most = '') =>
            `申请了 ${nodes} 个节点，每个 ${each}；即使全部空闲，同一台机器或同一集群最多容纳其中 ${most} 个。`,
    ],
    [
        /^Every node runs jobs on the host itself .*: the image (.+) is not used\.$/,
        (image = '') => `所有节点都直接在主机上运行作业，不使用镜像 ${image}。`,
    ],
    [/^The name or the password is wrong\.$/, () => '用户名或密码错误。'],
    [/^Too many wrong passwords\./, () => '密码错误次数过多，请稍后再试。'],
    [/^The present password is wrong\.$/, () => '当前密码错误。'],
    [/^This account signs in at the OIDC issuer/, () => '此账户通过统一认证登录，密码请在那里修改。'],
    [/^This account is disabled\./, () => '此账户已停用，请联系管理员。'],
    [/^Sign in first/, () => '请先登录。'],
    [/^This token has expired\./, () => '登录已过期，请重新登录。'],
    [/^This token does not count\./, () => '登录已失效，请重新登录。'],
    [
        /^This browser is signed in as (\S+) now/,
        (name = '') => `此浏览器现在以 ${name} 的身份登录，而此页面属于另一个人。没有执行任何操作，请重新加载页面。`,
    ],
    [/^Two people are signed in/, () => '此浏览器中有两个人的登录信息。请退出登录、清除本站 Cookie 后重新登录。'],
    [/^An API token can't do that\./, () => 'API 令牌不能这样做，请用密码或统一认证登录。'],
    [/^Only a platform administrator may do that\./, () => '只有平台管理员可以这样做。'],

    [
        /^A job that is (\w+) cannot be (.+?)\./,
        (status = '', wish = '') => `作业当前为 ${status}，无法${WISHES[wish] ?? `执行 ${wish}`}。`,
    ],
    [/^There is no job (\S+?)\./, (id = '') => `没有作业 ${id}，或者您无权查看。`],
    [
        /^Job \S+ belongs to (\S+?)\. Only/,
        (owner = '') => `该作业属于 ${owner}，只有 ${owner} 本人或管理员可以这样做。`,
    ],
    [
        /^You do not belong to the virtual cluster '(.+?)' of job/,
        (vc = '') => `您已不属于虚拟集群 ${vc}：可以终止该作业，其他操作须由管理员进行。`,
    ],
    [/^Job \S+ has not run yet, so there is no output/, () => '作业尚未运行，还没有输出。'],
    [/^Job \S+ is over \((\w+)\); a way into it/, (status = '') => `作业已结束（${status}），无法再打开入口。`],
    [/^Job \S+ has (\d+) endpoints, the most/, (most = '') => `一个作业最多同时有 ${most} 个入口，请先关闭其中一个。`],
    [/^Endpoints of job \S+ are still being closed/, () => '该作业的入口正在关闭，请稍后再试。'],
    [/^TensorBoard does not start here\./, () => '这里无法启动 TensorBoard，请联系运维人员安装。'],
    [/^You have asked the operators very often/, () => '一小时内的支持请求过多，请等待运维人员回复。'],

    [/^You have this SSH key already, as '(.+?)'/, (name = '') => `您已添加过这个公钥，名称为 ${name}。`],
    [/^You have an SSH key '(.+?)' already/, (name = '') => `您已有名为 ${name} 的公钥，请删除它或换一个名称。`],
    [/^You have (\d+) SSH keys, the most/, (most = '') => `最多只能有 ${most} 个公钥，请先删除一个。`],
    [
        /^(?:Send one public key, on one line|This is no public SSH key)/,
        () => '这不是 SSH 公钥。请粘贴 .pub 文件中的那一行。',
    ],
    [/^This key is damaged\./, () => '公钥不完整。请粘贴 .pub 文件中的整行内容。'],
    [/^This is a certificate\./, () => '这是证书，请提供对应的公钥。'],
    [/^DSA keys are not safe/, () => 'DSA 密钥已不安全，请用 ssh-keygen -t ed25519 生成新的。'],
    [
        /^Keys of the kind '(.+?)' are not taken/,
        (kind = '') => `不支持 ${kind} 类型的密钥，请用 ssh-keygen -t ed25519 生成。`,
    ],
    [/^This RSA key has (\d+) bits/, (bits = '') => `这个 RSA 密钥为 ${bits} 位，长度不在允许范围内。`],
    [/^You have an API token '(.+?)' already/, (name = '') => `您已有名为 ${name} 的令牌，请删除它或换一个名称。`],
    [/^You have (\d+) API tokens, the most/, (most = '') => `最多只能有 ${most} 个令牌，请先删除一个。`],
    [/^There are (\d+) secrets here already/, (most = '') => `这里已有 ${most} 个密钥，达到上限，请先删除一个。`],

    [/^There is a user '(.+?)' already/, (name = '') => `用户 ${name} 已存在，请换一个名称。`],
    [/^There is a virtual cluster '(.+?)' already/, (name = '') => `虚拟集群 ${name} 已存在，请换一个名称。`],
    [/^There is no user '(.+?)'/, (name = '') => `没有用户 ${name}。`],
    [/^There is no virtual cluster '(.+?)'/, (name = '') => `没有虚拟集群 ${name}。`],
    [/^You can't remove yourself\./, () => '不能删除自己，请联系其他管理员。'],
    [/^You can't disable yourself/, () => '不能停用自己或放弃自己的管理员身份，请联系其他管理员。'],
    [
        /^The virtual cluster '(.+?)' has members: (.+?)\. Let/,
        (vc = '', names = '') => `虚拟集群 ${vc} 仍有成员：${names}。请先让他们离开。`,
    ],
    [/^The virtual cluster '(.+?)' is needed/, (vc = '') => `虚拟集群 ${vc} 仍被新用户或统一认证设置使用。`],
    [
        / not over, for instance (\S+?)\. Kill them, or wait\.$/,
        (id = '') => `仍有未结束的作业，例如 ${id}。请先终止或等待其结束。`,
    ],

    [/^You have submitted too many jobs/, () => '一分钟内提交的作业过多，请稍后再试。'],
    [/^You have had too many submissions checked/, () => '检查过于频繁，请稍后再试。'],
    [/^You have (\d+) streams open/, (most = '') => `您已打开 ${most} 个实时连接，请先关闭一些页面。`],
    [/^Too many streams are open/, () => '当前打开的实时连接过多，请稍后再试。'],
    [/^The platform has too much to do/, () => '平台当前过于繁忙，请稍后再试。'],
    [/^The gateway's database does not answer/, () => '平台的数据库暂时没有响应，请稍后再试。'],

    [/^Every (\S+) here is simulated/, (type = '') => `这里的 ${type} 都是模拟的：会计数和分配，但并不存在。`],
]
