/** The secrets of one holder: a person, or a virtual cluster. */

import { api, body } from '@/api/client'

/** `vc`: the virtual cluster; empty for one's own. */
export function secretsOf(vc: string) {
    const own = vc === ''
    const path = { vc }
    return {
        list: () =>
            body(own ? api.GET('/api/v1/me/secrets') : api.GET('/api/v1/vcs/{vc}/secrets', { params: { path } })),
        set: (name: string, value: string) =>
            body(
                own
                    ? api.PUT('/api/v1/me/secrets/{name}', { params: { path: { name } }, body: { value } })
                    : api.PUT('/api/v1/vcs/{vc}/secrets/{name}', { params: { path: { vc, name } }, body: { value } }),
            ),
        remove: (name: string) =>
            body(
                own
                    ? api.DELETE('/api/v1/me/secrets/{name}', { params: { path: { name } } })
                    : api.DELETE('/api/v1/vcs/{vc}/secrets/{name}', { params: { path: { vc, name } } }),
            ),
    }
}
