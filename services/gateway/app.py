"""Builds the gateway: HTTP on one side, the bus on the other, a store of its own for people, secrets and the audit."""

from services.gateway.admission import Admission
from services.gateway.application import application
from services.gateway.beyond import Beyond
from services.gateway.bulk import Bulk
from services.gateway.checkpoints import Checkpoints
from services.gateway.cluster import Clusters
from services.gateway.console import Console
from services.gateway.desk import Desk
from services.gateway.domain.registries import named
from services.gateway.exposition import Exposition
from services.gateway.feed import Feed
from services.gateway.forcing import Forcing
from services.gateway.foresight import Foresights
from services.gateway.front import HttpMetrics
from services.gateway.grafana.tickets import Tickets
from services.gateway.grafana.upstream import Grafana
from services.gateway.handlers import SUBSCRIPTIONS, Handlers
from services.gateway.joiner import Joiner
from services.gateway.keyfile import KeyFile
from services.gateway.live import Live
from services.gateway.measured import Measured
from services.gateway.oidc.settings import OidcSettings
from services.gateway.options import Options
from services.gateway.parts import Parts
from services.gateway.paths import Paths
from services.gateway.people import People, people_from
from services.gateway.promql.prometheus import Prometheus
from services.gateway.promql.querying import Querying
from services.gateway.pulls import PullsOfJobs
from services.gateway.readiness import ReadinessCheck
from services.gateway.recipients import Recipients
from services.gateway.registries.logins import Logins
from services.gateway.registries.pinning import Pinning
from services.gateway.registries.registry import RegistryApi
from services.gateway.removal import Removals
from services.gateway.secrets import Secrets
from services.gateway.server import HttpServer
from services.gateway.settings import GatewaySettings
from services.gateway.silence import Silence
from services.gateway.site import Site
from services.gateway.streaming import Streams
from services.gateway.submission import Submissions
from services.gateway.summaries import Summaries
from services.gateway.usage import Usage
from services.gateway.ways import Ways
from services.gateway.yard import Yard
from shared.contracts.instruments import HTTP_STREAMS
from shared.runtime import Deps, Service


def build(deps: Deps, settings: GatewaySettings | None = None) -> Service:
    """The service. Accounts and keys are there before the port opens."""
    settings = settings or GatewaySettings()
    store = deps.open_store("gateway")
    people = people_from(deps, store, settings, OidcSettings())
    secrets = Secrets(store, deps.clock, people.audit, KeyFile(settings, deps.settings.data))
    live = Live(deps.bus)
    parts = parts_from(deps, settings, people, secrets, live)
    silence = Silence(parts.clusters, live)
    deps.meter.watch(HTTP_STREAMS, lambda: parts.streams.running)
    server = HttpServer(application(parts, people.identity.of, people.passed_on), settings, parts.streams)
    admission = Admission(people.identity, deps.bus, settings.command_timeout_s)

    async def stop() -> None:
        await people.issuer.close()
        await parts.querying.prometheus.close()
        await parts.grafana.close()
        await live.close()

    return Service(
        name="gateway",
        handlers=Handlers(
            people.accounts, people.audit, deps.bus, secrets, admission, people.vcs, settings.command_timeout_s
        ),
        subscriptions=SUBSCRIPTIONS,
        loops=(server.serve, live.run, live.tell_of_queue, silence.run, *people.loops, secrets.sweep),
        start=(people.start, secrets.start, parts.site.read, live.open, server.open),
        stop=stop,
    )


def parts_from(deps: Deps, settings: GatewaySettings, people: People, secrets: Secrets, live: Live) -> Parts:
    """What the routes ask."""
    bus, timeout_s = deps.bus, settings.command_timeout_s
    summaries = Summaries(bus, deps.clock, settings.summaries_timeout_s)
    pulls = PullsOfJobs(bus, deps.clock, settings.explain_timeout_s)
    yard = Yard(bus, people.vcs.policy_of, summaries, pulls, timeout_s, settings.explain_timeout_s)
    foresights = Foresights(bus, deps.clock, settings.explain_timeout_s)
    joiner = Joiner(bus, timeout_s, settings.submit_deadline_s)
    paths = Paths(deps.settings.storage, deps.settings.path_roots, deps.settings.data, foresights.images_used)
    logins = Logins(secrets)
    return Parts(
        settings=settings,
        clock=deps.clock,
        accounts=people.accounts,
        passwords=people.passwords,
        sign_in=people.sign_in,
        sign_outs=people.sign_outs,
        vcs=people.vcs,
        tokens=people.tokens,
        api_tokens=people.api_tokens,
        ssh_keys=people.ssh_keys,
        audit=people.audit,
        oidc=people.oidc,
        yard=yard,
        bulk=Bulk(bus, people.vcs.policy_of, settings.submit_deadline_s),
        submissions=Submissions(
            joiner,
            paths,
            Beyond(bus, deps.clock, settings.explain_timeout_s, settings.refuse_beyond_any_node),
            people.vcs,
            secrets,
            Recipients(bus, timeout_s),
            pinning_from(deps, settings, logins, foresights),
            deps.clock,
            settings.submissions_per_minute,
        ),
        foresights=foresights,
        secrets=secrets,
        logins=logins,
        removals=Removals(bus, people.accounts, people.vcs, people.api_tokens, people.ssh_keys, secrets, timeout_s),
        renewals=people.renewals,
        desk=Desk(bus, yard, deps.clock, timeout_s, settings.support_per_hour),
        ways=Ways(bus, yard, timeout_s),
        console=Console(bus, yard, timeout_s),
        checkpoints=Checkpoints(bus, deps.clock, timeout_s),
        forcing=Forcing(bus, yard, people.audit, deps.clock, timeout_s),
        measured=Measured(bus, yard, summaries, foresights, deps.clock, timeout_s),
        feed=Feed(bus, live),
        querying=Querying(
            Prometheus(deps.settings.prometheus_url, settings.prometheus_timeout_s, settings.prometheus_answer_bytes),
            settings.prometheus_timeout_s,
        ),
        grafana=Grafana(settings.grafana_url, settings.grafana_timeout_s, settings.grafana_answer_bytes),
        tickets=Tickets(people.keys, people.identity, deps.clock),
        usage=Usage(bus, timeout_s),
        clusters=Clusters(bus, deps.clock, timeout_s),
        options=Options(bus, people.vcs.policy_of, secrets, paths),
        streams=Streams(settings.max_streams, settings.max_streams_per_user, settings.keepalive_s, settings.stalled_s),
        readiness=ReadinessCheck(bus),
        metrics=HttpMetrics(deps.meter),
        exposition=Exposition(deps.registry),
        site=Site(settings.console),
    )


def pinning_from(deps: Deps, settings: GatewaySettings, logins: Logins, foresights: Foresights) -> Pinning:
    """What asks registries."""
    api = RegistryApi(settings.registry_networks)
    known = named(settings.registries)
    return Pinning(api, logins, known, foresights.images_used, deps.clock, settings.registry_timeout_s)
