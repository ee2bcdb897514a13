"""What people ask of notify; the messages stand in `shared/contracts/notify.py`."""

from shared.contracts.commands.command import Command
from shared.contracts.notify import (
    AskNotifyKinds,
    CasePage,
    CheckNotify,
    GetWebhookSecret,
    ListAllCases,
    ListCases,
    ListNotifications,
    ListNotificationsOf,
    Notifications,
    NotifyChecked,
    NotifyKinds,
    RequestSupport,
    SupportCase,
    SupportCases,
    WebhookSecret,
)

REQUEST_SUPPORT = Command("cmd.notify.request_support.v1", RequestSupport, SupportCase, "Ask the operators for help.")


SUPPORT_CASES = Command("cmd.notify.support_cases.v1", ListCases, SupportCases, "What was asked about a job.")


ALL_CASES = Command("cmd.notify.all_cases.v1", ListAllCases, CasePage, "What was asked about any job.")


CHECK_NOTIFY = Command("cmd.notify.check.v1", CheckNotify, NotifyChecked, "Whether a job's notify list can be served.")


NOTIFY_KINDS = Command("cmd.notify.kinds.v1", AskNotifyKinds, NotifyKinds, "Whom jobs may tell, and of what.")


NOTIFICATIONS = Command("cmd.notify.notifications.v1", ListNotifications, Notifications, "Who was told about a job.")


NOTIFICATIONS_OF = Command(
    "cmd.notify.notifications_of.v1", ListNotificationsOf, Notifications, "Who was told about somebody's jobs."
)


WEBHOOK_SECRET = Command("cmd.notify.webhook_secret.v1", GetWebhookSecret, WebhookSecret, "A person's webhook secret.")
