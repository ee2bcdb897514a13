"""Builds the gateway: HTTP on one side, the bus on the other, accounts and keys in a store of its own."""

from services.gateway.accounts import Accounts
from services.gateway.application import application
from services.gateway.console import Console
from services.gateway.desk import Desk
from services.gateway.feed import Feed
from services.gateway.front import HttpMetrics
from services.gateway.identity import Identity
from services.gateway.joiner import Joiner
from services.gateway.keys import Keys
from services.gateway.parts import Parts
from services.gateway.paths import Paths
from services.gateway.readiness import ReadinessCheck
from services.gateway.recipients import Recipients
from services.gateway.server import HttpServer
from services.gateway.settings import GatewaySettings
from services.gateway.sse import Streams
from services.gateway.submission import Submissions
from services.gateway.tokens import Tokens
from services.gateway.yard import Yard
from shared.runtime import Deps, Service


def build(deps: Deps, settings: GatewaySettings | None = None) -> Service:
    """The service. Accounts and keys are there before the port opens."""
    settings = settings or GatewaySettings()
    store = deps.open_store("gateway")
    accounts = Accounts(store, deps.clock, deps.settings.data, settings.wrong_passwords_per_minute)
    keys = Keys(store, deps.clock)
    parts = parts_from(deps, settings, accounts, Tokens(keys, deps.clock, settings.token_ttl_s))
    identity = Identity(parts.tokens, accounts)
    server = HttpServer(application(parts, identity.of), settings, parts.streams)

    async def start() -> None:
        await keys.start()
        await accounts.start()
        server.open()

    return Service(name="gateway", handlers=server, subscriptions=(), loops=(server.serve,), start=start)


def parts_from(deps: Deps, settings: GatewaySettings, accounts: Accounts, tokens: Tokens) -> Parts:
    """What the routes ask."""
    bus, timeout_s = deps.bus, settings.command_timeout_s
    yard = Yard(bus, timeout_s, settings.explain_timeout_s)
    joiner = Joiner(bus, timeout_s, settings.submit_deadline_s)
    return Parts(
        settings=settings,
        accounts=accounts,
        tokens=tokens,
        yard=yard,
        submissions=Submissions(
            joiner,
            Paths(deps.settings.storage, deps.settings.path_roots),
            Recipients(bus, timeout_s),
            deps.clock,
            settings.submissions_per_minute,
        ),
        desk=Desk(bus, yard, deps.clock, timeout_s, settings.support_per_hour),
        console=Console(bus, yard, timeout_s),
        feed=Feed(bus),
        streams=Streams(settings.max_streams, settings.keepalive_s, settings.stalled_s),
        readiness=ReadinessCheck(bus),
        metrics=HttpMetrics(),
    )
