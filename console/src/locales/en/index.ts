import account from '@/locales/en/account'
import actions from '@/locales/en/actions'
import admin from '@/locales/en/admin'
import cluster from '@/locales/en/cluster'
import console from '@/locales/en/console'
import endpoints from '@/locales/en/endpoints'
import job from '@/locales/en/job'
import jobs from '@/locales/en/jobs'
import metrics from '@/locales/en/metrics'
import session from '@/locales/en/session'
import shell from '@/locales/en/shell'
import submit from '@/locales/en/submit'
import support from '@/locales/en/support'
import ui from '@/locales/en/ui'

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
