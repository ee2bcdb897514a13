/** Which address shows which page. Every page is a bundle of its own, fetched when it is first wanted. */

import { createRouter, createWebHistory } from 'vue-router'
import { i18n } from '@/locales/i18n'
import { useSession } from '@/session/session'
import { healBundles } from '@/shell/bundles'

declare module 'vue-router' {
    interface RouteMeta {
        /** Shown without a sign-in. */
        open?: boolean
        /** For platform administrators. */
        admin?: boolean
        /** The title of the tab, a word of the manual or a text of the catalogues; a page that knows better sets its own. */
        title?: string
    }
}

export const router = createRouter({
    history: createWebHistory(),
    scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
    routes: [
        { path: '/', redirect: '/jobs' },
        {
            path: '/jobs',
            name: 'jobs',
            component: () => import('@/jobs/JobsPage.vue'),
            props: { scope: 'mine' },
            meta: { title: 'MY JOBS' },
        },
        {
            path: '/all',
            name: 'all',
            component: () => import('@/jobs/JobsPage.vue'),
            props: { scope: 'all' },
            meta: { title: 'ALL JOBS' },
        },
        {
            path: '/sign-in',
            name: 'sign-in',
            component: () => import('@/session/SignInPage.vue'),
            meta: { open: true, title: 'session.title' },
        },
        {
            path: '/jobs/:id',
            component: () => import('@/job/JobPage.vue'),
            children: [
                { path: '', name: 'job', component: () => import('@/job/brief/BriefTab.vue') },
                { path: 'metrics', name: 'job-metrics', component: () => import('@/job/metrics/MetricsTab.vue') },
                { path: 'console', name: 'job-console', component: () => import('@/job/console/ConsoleTab.vue') },
                { path: 'endpoints', component: () => import('@/job/endpoints/EndpointsTab.vue') },
            ],
        },
        { path: '/submit', component: () => import('@/submit/SubmitPage.vue'), meta: { title: 'shell.submit' } },
        { path: '/cluster', component: () => import('@/cluster/ClusterPage.vue'), meta: { title: 'shell.cluster' } },
        { path: '/account', component: () => import('@/account/AccountPage.vue'), meta: { title: 'shell.account' } },
        {
            path: '/admin',
            component: () => import('@/admin/AdminPage.vue'),
            meta: { admin: true, title: 'shell.admin' },
            redirect: '/admin/users',
            children: [
                { path: 'users', component: () => import('@/admin/UsersPage.vue') },
                { path: 'vcs', component: () => import('@/admin/VcsPage.vue') },
                { path: 'support', component: () => import('@/admin/SupportPage.vue') },
                { path: 'audit', component: () => import('@/admin/AuditPage.vue') },
            ],
        },
        {
            path: '/:pathMatch(.*)*',
            name: 'not-found',
            component: () => import('@/shell/NotFoundPage.vue'),
            meta: { open: true },
        },
    ],
})

router.beforeEach((to) => {
    const { me, state } = useSession()
    if (to.meta.open || state.value === 'unknown') return true
    if (state.value === 'out') return { name: 'sign-in', query: to.path === '/jobs' ? {} : { back: to.fullPath } }
    if (to.meta.admin && !me.value?.admin)
        return { name: 'not-found', params: { pathMatch: to.path.slice(1).split('/') } }
    return true
})

router.afterEach((to) => {
    const { t, te } = i18n.global
    const title = to.meta.title && te(to.meta.title) ? t(to.meta.title) : to.meta.title
    document.title = title ? `${title} · Jobyard` : 'Jobyard'
})

healBundles(router)
