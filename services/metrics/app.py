"""Puts the metrics service together; nothing connects here."""

from services.metrics.accounts import Accounts
from services.metrics.handlers import SUBSCRIPTIONS, Handlers
from services.metrics.store import LedgerStore
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """The metrics service."""
    accounts = Accounts(LedgerStore(deps.open_store("metrics")), lambda job_id: ())
    return Service(name="metrics", handlers=Handlers(accounts), subscriptions=SUBSCRIPTIONS)
