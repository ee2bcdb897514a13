import { expect, it } from 'vitest'
import { inWords, refusedInWords } from '@/locales/wording'

it('says in Chinese what the gateway says in English', () => {
    expect(inWords('must be at most 1000', 'zh')).toBe('最多为 1000。')
    expect(
        inWords("must be at most 500 in the virtual cluster 'vision'; a platform administrator may set more", 'zh'),
    ).toBe('在虚拟集群 vision 中最多为 500。')
    expect(inWords("There is no secret 'HF', neither of mia nor of the virtual cluster 'default'.", 'zh')).toBe(
        '没有名为 HF 的密钥，请在账户页面创建，或不使用它。',
    )
})

it('leaves what it does not know, and begins it as a sentence', () => {
    expect(inWords('is quite another thing', 'zh')).toBe('Is quite another thing')
    expect(inWords('must be at most 1000', 'en')).toBe('Must be at most 1000')
})

it('says in Chinese what a request was refused for, at least of which kind it is', () => {
    expect(refusedInWords('A job that is finished cannot be paused.', 409, 'zh')).toBe(
        '作业当前为 finished，无法暂停。',
    )
    expect(refusedInWords('The name or the password is wrong.', 401, 'zh')).toBe('用户名或密码错误。')
    expect(refusedInWords("This browser is signed out, but the gateway's database does not answer: …", 503, 'zh')).toBe(
        '此浏览器已退出登录，但网关的数据库没有响应：该 cookie 若在别处，到期前仍然有效。',
    )
    expect(refusedInWords('Something new.', 409, 'zh')).toBe('与当前状态不符。（Something new.）')
    expect(refusedInWords('Something new.', 409, 'en')).toBe('Something new.')
})
