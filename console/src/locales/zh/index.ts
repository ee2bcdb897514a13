import account from '@/locales/zh/account'
import actions from '@/locales/zh/actions'
import admin from '@/locales/zh/admin'
import cluster from '@/locales/zh/cluster'
import console from '@/locales/zh/console'
import endpoints from '@/locales/zh/endpoints'
import job from '@/locales/zh/job'
import jobs from '@/locales/zh/jobs'
import metrics from '@/locales/zh/metrics'
import session from '@/locales/zh/session'
import shell from '@/locales/zh/shell'
import submit from '@/locales/zh/submit'
import support from '@/locales/zh/support'
import ui from '@/locales/zh/ui'

export default {
    account,
    actions,
    admin,
    cluster,
    console,
    endpoints,
    job,
    jobs,
    metrics,
    session,
    shell,
    submit,
    support,
    ui,
}
