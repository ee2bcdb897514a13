"""Puts the metrics service together; nothing connects here."""

from services.metrics.accounts import Accounts
from services.metrics.handlers import SUBSCRIPTIONS, Handlers
from services.metrics.latest import Latest
from services.metrics.past import Past
from services.metrics.prometheus import Prometheus
from services.metrics.query import Queries
from services.metrics.rings import Rings
from services.metrics.settings import MetricsSettings
from services.metrics.store import LedgerStore
from services.metrics.yard import YardHistory
from shared.contracts.instruments import RINGS_JOBS, RINGS_MEMORY
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """The metrics service."""
    settings = MetricsSettings()
    past = Past(deps.bus, deps.clock)
    rings = Rings(past.of, Latest(deps.clock), settings.memory_mib << 20)
    url = deps.settings.prometheus_url
    prometheus = Prometheus(url, deps.clock) if url else None
    accounts = Accounts(LedgerStore(deps.open_store("metrics")), rings.latest)
    deps.meter.watch(RINGS_MEMORY, lambda: rings.bytes)
    deps.meter.watch(RINGS_JOBS, lambda: ((("running",), rings.running), (("in_memory",), rings.held)))
    return Service(
        name="metrics",
        handlers=Handlers(past, rings, Queries(rings, prometheus), accounts, YardHistory(deps.bus, deps.clock)),
        subscriptions=SUBSCRIPTIONS,
        stop=prometheus.close if prometheus else None,
    )
