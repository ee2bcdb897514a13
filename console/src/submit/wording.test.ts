import { expect, it } from 'vitest'
import { inWords } from '@/submit/wording'

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
