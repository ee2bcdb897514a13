"""What the gateway answers and hears; the map at the end is the whole of it. People it answers over HTTP."""

import json
from collections.abc import Sequence

from services.gateway.accounts import Accounts
from services.gateway.admission import Admission
from services.gateway.audit import ASKED, Audit, AuditEntry, endpoint_entry_of, entry_of
from services.gateway.registries.logins import Logins
from services.gateway.secrets import Secrets
from services.gateway.vcs import Vcs
from shared.bus.bus import Bus
from shared.bus.subscriptions import Answers, Delivery, Shared
from shared.contracts import subjects
from shared.contracts.commands.endpoints import ADMIT, IDLE_LIMITS
from shared.contracts.commands.jobs import GET, VIEWS, GetJob, GetJobViews
from shared.contracts.commands.secrets import (
    FIND_SECRETS,
    REVEAL,
    REVEAL_LOGIN,
    FindSecrets,
    FoundSecrets,
    RegistryLogin,
    RevealedSecrets,
    RevealLogin,
    RevealSecrets,
)
from shared.contracts.endpoints import Admit, Admitted, GetIdleLimits, IdleLimits
from shared.contracts.errors import Forbidden, NotFound
from shared.contracts.events import (
    JOB_EVENTS,
    EndpointClosed,
    EndpointEntered,
    EndpointRequested,
    EndpointTicketIssued,
)
from shared.contracts.job import JobStatus

OF_WAYS = (EndpointRequested, EndpointEntered, EndpointTicketIssued, EndpointClosed)
"""What people do with ways into jobs."""

STARTING = (JobStatus.SCHEDULING, JobStatus.RUNNING)
"""A run begins in the first; it may be begun again in the second, by an executor that was killed in between."""

REPLY_BYTES = 400_000
"""Of values as JSON; one alone takes at most six times 64 KiB."""


class Handlers:
    """One method per subscription."""

    def __init__(
        self,
        accounts: Accounts,
        audit: Audit,
        bus: Bus,
        secrets: Secrets,
        admission: Admission,
        vcs: Vcs,
        timeout_s: float,
    ) -> None:
        self._accounts = accounts
        self._audit = audit
        self._bus = bus
        self._secrets = secrets
        self._logins = Logins(secrets)
        self._admission = admission
        self._vcs = vcs
        self._timeout_s = timeout_s

    async def job_events(self, deliveries: Sequence[Delivery[AuditEntry | None]]) -> None:
        """Enter what people did; an event that comes twice is one entry."""
        entries = [delivery.message for delivery in deliveries if delivery.message is not None]
        if entries:
            await self._audit.add(entries)

    async def admit(self, ask: Admit) -> Admitted:
        """Whether somebody may use the endpoints of a job."""
        return await self._admission.admit(ask)

    async def idle_limits(self, ask: GetIdleLimits) -> IdleLimits:
        """What the policies of these virtual clusters say."""
        limits = {name: (await self._vcs.policy_of(name)).endpoint_idle_s for name in ask.vcs}
        return IdleLimits(seconds={name: seconds for name, seconds in limits.items() if seconds is not None})

    async def reveal(self, ask: RevealSecrets, node: str) -> RevealedSecrets:
        """Values for a job that names them and has its place on the node that asks; its owner and VC are its own word.

        What the owner may have of them is looked up now, not when the job was submitted: an account that is disabled
        gets nothing, and one that has left the VC nothing of the VC's.
        """
        job = await self._bus.ask(GET, GetJob(id=ask.job_id), self._timeout_s)
        if unnamed := sorted(set(ask.names) - set(job.secrets.values())):
            raise Forbidden(f"Job {job.id} does not name the secret '{unnamed[0]}'.")
        await self._check_placed(job.id, node)
        owner = await self._accounts.get(job.owner)
        if owner is None or owner.disabled:
            raise Forbidden(f"The account of {job.owner} does not count any more, and its jobs get no secrets.")
        values = await self._secrets.values(owner.id, job.vc, ask.names, member=job.vc in owner.vcs)
        fitting: dict[str, str] = {}
        size = 0
        for name, value in values.items():
            size += len(json.dumps(value, ensure_ascii=False).encode())
            if fitting and size > REPLY_BYTES:
                break
            fitting[name] = value
        return RevealedSecrets(values=fitting)

    async def reveal_login(self, ask: RevealLogin, node: str) -> RegistryLogin:
        """The credentials of a job's VC for the registry that its image was found to come from; by the same rules."""
        job = await self._bus.ask(GET, GetJob(id=ask.job_id), self._timeout_s)
        registry = job.run_image.login if job.run_image is not None else None
        if registry is None:
            raise Forbidden(f"Job {job.id} was submitted without credentials for its image.")
        await self._check_placed(job.id, node)
        owner = await self._accounts.get(job.owner)
        if owner is None or owner.disabled or job.vc not in owner.vcs:
            message = f"{job.owner} does not belong to the virtual cluster '{job.vc}' any more, which pulls its image."
            raise Forbidden(message)
        known = await self._logins.of(job.vc, registry)
        if known is None:
            message = f"The virtual cluster '{job.vc}' has no credentials for the registry {registry} any more."
            raise NotFound(f"{message} Set them anew, or submit the job again.")
        return RegistryLogin(registry=registry, username=known.login.username, password=known.login.password)

    async def _check_placed(self, job_id: str, node: str) -> None:
        """Raises Forbidden unless this node's executor is to start the job, or answers for its run."""
        views = (await self._bus.ask(VIEWS, GetJobViews(ids=(job_id,)), self._timeout_s)).items
        states = [view.state for view in views if view.state.status in STARTING]
        if node not in {state.allocation.answerer for state in states if state.allocation is not None}:
            raise Forbidden(f"Job {job_id} has no place on the node {node} now, which gets none of its secrets.")

    async def find_secrets(self, ask: FindSecrets) -> FoundSecrets:
        """Only what the asker has in its hands already: the other values stay here."""
        job = await self._bus.ask(GET, GetJob(id=ask.job_id), self._timeout_s)
        hidden = await self._secrets.hidden(job.owner, job.vc, job.secrets.values())
        return FoundSecrets(found=tuple(one for one in hidden if any(one in text for text in ask.texts)))


SUBSCRIPTIONS = (
    Shared(
        "gateway-audit",
        subjects.EVENTS,
        tuple(subjects.job_events_of(JOB_EVENTS[fact]) for fact in ASKED),
        entry_of,
        Handlers.job_events,
    ),
    Shared(
        "gateway-audit-endpoints",
        subjects.EVENTS,
        tuple(subjects.endpoint_events_of(event) for event in OF_WAYS),
        endpoint_entry_of,
        Handlers.job_events,
    ),
    Answers(REVEAL, Handlers.reveal, from_node=True),
    Answers(REVEAL_LOGIN, Handlers.reveal_login, from_node=True),
    Answers(FIND_SECRETS, Handlers.find_secrets),
    Answers(ADMIT, Handlers.admit),
    Answers(IDLE_LIMITS, Handlers.idle_limits),
)
