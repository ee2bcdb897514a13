"""Users, virtual clusters, API tokens, SSH keys and the audit, as the API takes and gives them."""

from typing import Annotated

from pydantic import Field

from services.gateway.accounts import AccountDocument
from services.gateway.apitokens import ApiTokenDocument, TokenName
from services.gateway.audit import AuditEntry
from services.gateway.domain.access import Caller, Role, Scope
from services.gateway.resources.body import Body
from services.gateway.sshkeys import SshKeyDocument
from services.gateway.vcs import VcDocument
from shared.contracts.base import Contract, Timestamp, UserName, VcName
from shared.contracts.job import NewImage
from shared.contracts.notify import Email

VCS = 256


Password = Annotated[str, Field(min_length=8, max_length=1024)]
"""A new password; the length counts, what it is made of does not."""


Priority = Annotated[int, Field(ge=1, le=1000)]


Duration = Annotated[int, Field(ge=1, le=315_360_000)]


Jobs = Annotated[int, Field(ge=1, le=1_000_000)]


Idle = Annotated[int, Field(ge=60, le=31_536_000)]


class NewUser(Body):
    """An account to make."""

    username: UserName
    password: Password
    email: Email | None = None
    vcs: Annotated[dict[VcName, Role], Field(max_length=VCS, description="Default: a member of `default`.")] = Field(
        default_factory=lambda: {"default": Role.MEMBER}
    )
    admin: bool = False


class UserChange(Body):
    """What to change of an account; what is left out stays."""

    email: Annotated[Email | None, Field(description="null: none.")] = None
    vcs: Annotated[
        dict[VcName, Role | None], Field(max_length=VCS, description="Only these change; null takes one away.")
    ] = Field(default_factory=dict)
    admin: bool = False
    disabled: bool = False
    password: Annotated[Password | None, Field(description="Ends what the account is signed in with.")] = None


class User(Contract):
    """An account as administrators see it."""

    name: UserName
    email: str | None
    admin: bool
    disabled: bool
    vcs: dict[str, Role]
    issuer: Annotated[bool, Field(description="Signs in at the OIDC issuer, not with a password.")]
    created_at: Timestamp

    @classmethod
    def from_account(cls, account: AccountDocument) -> "User":
        """Without anything that could be used to sign in."""
        return cls(
            name=account.id,
            email=account.email,
            admin=account.admin,
            disabled=account.disabled,
            vcs=account.vcs,
            issuer=account.subject is not None,
            created_at=account.created_at,
        )


class Users(Contract):
    """Accounts, by name."""

    items: tuple[User, ...]
    next_cursor: Annotated[str | None, Field(description="`cursor` of the next page; null on the last one.")]


class Me(Contract):
    """Who is asking, as the platform sees it."""

    name: UserName
    admin: bool
    vcs: Annotated[dict[str, Role], Field(description="Virtual clusters that this account belongs to.")]
    scope: Annotated[Scope, Field(description="`read` with an API token that may only read.")]
    grafana: Annotated[
        str | None,
        Field(description="The path of a job's dashboard, with `?var-job_id=<id>`; null: there is no Grafana."),
    ] = None

    @classmethod
    def from_caller(cls, caller: Caller, grafana: str | None) -> "Me":
        """The caller."""
        return cls(name=caller.name, admin=caller.admin, vcs=dict(caller.vcs), scope=caller.scope, grafana=grafana)


class PasswordChange(Body):
    """One's own new password."""

    current: Annotated[str, Field(min_length=1, max_length=1024)]
    new: Password


class VcChange(Body):
    """What to change of a virtual cluster; what is left out stays, null takes a bound away."""

    open: Annotated[bool, Field(description="Members read one another's briefs, metrics and consoles.")] = True
    max_priority: Annotated[Priority | None, Field(description="The highest that its members may take.")] = None
    max_duration_s: Annotated[Duration | None, Field(description="The longest that its jobs may run.")] = None
    jobs_per_user: Annotated[Jobs | None, Field(description="How many jobs a member may have that are not over.")] = (
        None
    )
    endpoint_idle_s: Annotated[
        Idle | None, Field(description="Seconds after which an endpoint that nobody uses closes.")
    ] = None
    image: Annotated[NewImage | None, Field(description="What its jobs start in that name no image.")] = None


class NewVc(VcChange):
    """A virtual cluster to make."""

    name: VcName


class Vc(Contract):
    """A virtual cluster."""

    name: VcName
    open: bool
    max_priority: int | None
    max_duration_s: int | None
    jobs_per_user: int | None
    endpoint_idle_s: int | None
    image: str | None = None
    created_at: Timestamp
    role: Annotated[Role | None, Field(description="The caller's own role in it.")]

    @classmethod
    def from_document(cls, vc: VcDocument, caller: Caller) -> "Vc":
        """As this caller sees it."""
        fields = {name: getattr(vc, name) for name in VcChange.model_fields}
        return cls(name=vc.id, created_at=vc.created_at, role=caller.vcs.get(vc.id), **fields)


class Vcs(Contract):
    """Virtual clusters, by name."""

    items: tuple[Vc, ...]


class NewApiToken(Body):
    """An API token to make."""

    name: TokenName
    scope: Annotated[Scope, Field(description="`read`: it changes nothing.")]


class ApiToken(Contract):
    """An API token that counts."""

    id: str
    name: str
    scope: Scope
    created_at: Timestamp

    @classmethod
    def from_document(cls, token: ApiTokenDocument) -> "ApiToken":
        """Without its secret, which nobody has."""
        return cls(id=token.id, name=token.name, scope=token.scope, created_at=token.created_at)


class MadeApiToken(ApiToken):
    """A new API token, with what to send as `Authorization: Bearer <token>`: shown this one time."""

    token: str


class ApiTokens(Contract):
    """One's own, oldest first."""

    items: tuple[ApiToken, ...]


class NewSshKey(Body):
    """A public SSH key to add, as it stands in a `.pub` file; options and comment are dropped."""

    name: TokenName
    public_key: Annotated[str, Field(min_length=1, max_length=16_384)]


class SshKey(Contract):
    """A public key that lets its owner into jobs by SSH."""

    id: str
    name: str
    public_key: Annotated[str, Field(description="`ssh-ed25519 AAAA...`")]
    fingerprint: Annotated[str, Field(description="`SHA256:...`, as `ssh-keygen -l` shows it.")]
    created_at: Timestamp

    @classmethod
    def from_document(cls, key: SshKeyDocument) -> "SshKey":
        """One that counts."""
        return cls(
            id=key.id,
            name=key.name,
            public_key=key.live or "",
            fingerprint=key.fingerprint,
            created_at=key.created_at,
        )


class SshKeys(Contract):
    """One's own, oldest first."""

    items: tuple[SshKey, ...]


class AuditPage(Contract):
    """Changes that somebody made, newest first."""

    items: tuple[AuditEntry, ...]
    next_cursor: Annotated[str | None, Field(description="`cursor` of the next page; null on the last one.")]
