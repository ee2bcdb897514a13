import { VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import { Problem } from '@/api/client'
import App from '@/App.vue'
import { i18n } from '@/locales/i18n'
import { router } from '@/router'
import { recall } from '@/session/signing'

const queries = {
    // Pages are told of changes by events: nothing is asked again only because time has passed.
    staleTime: 5_000,
    refetchOnWindowFocus: false,
    // A platform on this very machine answers without any network.
    networkMode: 'always' as const,
    retry: (failures: number, error: unknown) => failures < 3 && error instanceof Problem && error.passes,
}

async function start() {
    const app = createApp(App)
        .use(i18n)
        .use(VueQueryPlugin, {
            queryClientConfig: { defaultOptions: { queries, mutations: { networkMode: 'always' } } },
        })
    await recall().catch(() => undefined)
    app.use(router).mount('#app')
}

void start()
