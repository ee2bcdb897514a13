"""What the routes are made of: one object, built once, found by every request."""

from dataclasses import dataclass

from starlette.requests import Request

from services.gateway.accounts import Accounts
from services.gateway.apitokens import ApiTokens
from services.gateway.audit import Audit
from services.gateway.bulk import Bulk
from services.gateway.checkpoints import Checkpoints
from services.gateway.cluster import Clusters
from services.gateway.console import Console
from services.gateway.desk import Desk
from services.gateway.exposition import Exposition
from services.gateway.feed import Feed
from services.gateway.forcing import Forcing
from services.gateway.foresight import Foresights
from services.gateway.front import HttpMetrics
from services.gateway.grafana.tickets import Tickets
from services.gateway.grafana.upstream import Grafana
from services.gateway.measured import Measured
from services.gateway.oidc.signin import OidcSignIn
from services.gateway.options import Options
from services.gateway.passwords import Passwords
from services.gateway.promql.querying import Querying
from services.gateway.readiness import ReadinessCheck
from services.gateway.registries.logins import Logins
from services.gateway.removal import Removals
from services.gateway.renewals import Renewals
from services.gateway.secrets import Secrets
from services.gateway.settings import GatewaySettings
from services.gateway.signin import SignIn
from services.gateway.signouts import SignOuts
from services.gateway.site import Site
from services.gateway.sshkeys import SshKeys
from services.gateway.streaming import Streams
from services.gateway.submission import Submissions
from services.gateway.tokens import Tokens
from services.gateway.usage import Usage
from services.gateway.vcs import Vcs
from services.gateway.ways import Ways
from services.gateway.yard import Yard
from shared.clock import Clock


@dataclass(frozen=True)
class Parts:
    """The gateway's parts."""

    settings: GatewaySettings
    clock: Clock
    accounts: Accounts
    passwords: Passwords
    sign_in: SignIn
    sign_outs: SignOuts
    vcs: Vcs
    tokens: Tokens
    api_tokens: ApiTokens
    ssh_keys: SshKeys
    audit: Audit
    oidc: OidcSignIn
    yard: Yard
    bulk: Bulk
    submissions: Submissions
    foresights: Foresights
    secrets: Secrets
    logins: Logins
    removals: Removals
    desk: Desk
    ways: Ways
    renewals: Renewals
    console: Console
    checkpoints: Checkpoints
    forcing: Forcing
    measured: Measured
    feed: Feed
    querying: Querying
    grafana: Grafana
    tickets: Tickets
    usage: Usage
    clusters: Clusters
    options: Options
    streams: Streams
    readiness: ReadinessCheck
    metrics: HttpMetrics
    exposition: Exposition
    site: Site


def parts_of(request: Request) -> Parts:
    """The parts of the application that this request came to."""
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts
