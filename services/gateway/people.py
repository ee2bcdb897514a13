"""Who there is and who may come in: everything that knows accounts, built once from one store."""

from dataclasses import dataclass
from functools import partial

from services.gateway.accounts import Accounts
from services.gateway.apitokens import ApiTokens
from services.gateway.audit import Audit
from services.gateway.audited import sweep
from services.gateway.credentials import Identify
from services.gateway.identity import Identity
from services.gateway.keys import Keys
from services.gateway.oidc.codes import Codes
from services.gateway.oidc.forwarded import Forwarded
from services.gateway.oidc.idtoken import IdTokens
from services.gateway.oidc.issuer import Issuer
from services.gateway.oidc.keys import IssuerKeys
from services.gateway.oidc.settings import OidcSettings
from services.gateway.oidc.signin import OidcSignIn
from services.gateway.oidc.state import States
from services.gateway.passwords import Passwords
from services.gateway.renewals import Renewals
from services.gateway.settings import GatewaySettings
from services.gateway.signin import FirstAccount, SignIn
from services.gateway.signouts import SignOuts
from services.gateway.sshkeys import SshKeys
from services.gateway.tokens import Tokens
from services.gateway.vcs import Vcs
from shared.runtime import Deps, Loop
from shared.store.port import Store


@dataclass(frozen=True)
class People:
    """The parts that share the gateway's store."""

    audit: Audit
    accounts: Accounts
    vcs: Vcs
    api_tokens: ApiTokens
    ssh_keys: SshKeys
    passwords: Passwords
    sign_in: SignIn
    sign_outs: SignOuts
    keys: Keys
    tokens: Tokens
    identity: Identity
    passed_on: Identify | None
    """Whose the ID tokens are that other clients of the issuer pass on; None where none are taken."""
    issuer: Issuer
    oidc: OidcSignIn
    first: FirstAccount
    renewals: Renewals

    async def start(self) -> None:
        """Keys, VCs and the first account are there before anybody comes in."""
        await self.keys.start()
        await self.vcs.start(grant.vc for grant in self.issuer.settings.vcs)
        await self.first.start()

    @property
    def loops(self) -> tuple[Loop, ...]:
        """What runs beside the requests."""
        documents = (self.accounts, self.vcs, self.api_tokens, self.renewals, self.ssh_keys)
        return tuple(partial(sweep, one.documents) for one in documents)


def people_from(deps: Deps, store: Store, settings: GatewaySettings, oidc: OidcSettings) -> People:
    """All of them; nothing is read before `start`."""
    clock, audit, passwords = deps.clock, Audit(store), Passwords()
    accounts, vcs = Accounts(store, clock, audit), Vcs(store, clock, audit)
    api_tokens, ssh_keys = ApiTokens(store, clock, audit), SshKeys(store, clock, audit)
    keys, sign_outs = Keys(store, clock), SignOuts(store, clock)
    tokens, issuer = Tokens(keys, clock, settings.token_ttl_s), Issuer(oidc, clock)
    issuer_keys = IssuerKeys(issuer, clock)
    id_tokens = IdTokens(oidc, issuer_keys, clock, (oidc.client_id,))
    identity = Identity(tokens, sign_outs, api_tokens, ssh_keys, accounts, vcs, clock)
    forwarded = Forwarded(oidc, IdTokens(oidc, issuer_keys, clock, oidc.forwarded_clients), accounts, identity, clock)
    return People(
        audit=audit,
        accounts=accounts,
        vcs=vcs,
        api_tokens=api_tokens,
        ssh_keys=ssh_keys,
        passwords=passwords,
        sign_in=SignIn(accounts, passwords, clock, settings.wrong_passwords_per_minute),
        sign_outs=sign_outs,
        keys=keys,
        tokens=tokens,
        identity=identity,
        passed_on=forwarded.of if oidc.issuer is not None and oidc.forwarded_clients else None,
        issuer=issuer,
        oidc=OidcSignIn(issuer, States(keys, clock), Codes(store, clock), id_tokens, accounts, clock),
        first=FirstAccount(accounts, passwords, deps.settings.data, settings.admin_password),
        renewals=Renewals(store, clock, audit, deps.bus, settings.command_timeout_s),
    )
