"""Puts the metrics service together; nothing connects here."""

from services.metrics.handlers import SUBSCRIPTIONS, Handlers
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """Handlers, and nothing that goes on by itself yet."""
    return Service(name="metrics", handlers=Handlers(), subscriptions=SUBSCRIPTIONS)
