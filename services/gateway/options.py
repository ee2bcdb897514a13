"""What a caller's submission may say: policies and secrets are the gateway's own, the rest is asked of who knows it.

Nothing here decides: what a submission is refused for stands where submissions are taken, and this reads the same
rules. A service that does not answer leaves its part out, since submitting does not need it either.
"""

import asyncio
from typing import TypeVar, get_args

import structlog

from services.gateway.domain.access import Caller
from services.gateway.domain.bounds import PolicyOf, allowance
from services.gateway.domain.limits import limits
from services.gateway.paths import Paths
from services.gateway.resources.options import FieldLimit, NotifyOptions, OfferedDevices, SubmitOptions, SubmitVc
from services.gateway.secrets import Secrets, of_user, of_vc
from shared.bus.bus import Bus
from shared.contracts.base import Contract
from shared.contracts.cluster import AskOffer
from shared.contracts.commands.cluster import OFFER
from shared.contracts.commands.command import Command
from shared.contracts.commands.support import NOTIFY_KINDS
from shared.contracts.errors import Refusal
from shared.contracts.job import REQUEST_BYTES, OfferedEndpoint
from shared.contracts.notify import AskNotifyKinds

log = structlog.get_logger()

Ask = TypeVar("Ask", bound=Contract)
Answer = TypeVar("Answer", bound=Contract)

PATIENCE_S = 2.0
"""How long a form waits for what it can do without."""

LIMITS = {name: FieldLimit(**vars(limit)) for name, limit in limits().items()}


class Options:
    """Answers for forms."""

    def __init__(self, bus: Bus, policy_of: PolicyOf, secrets: Secrets, paths: Paths) -> None:
        self._bus = bus
        self._policy_of = policy_of
        self._secrets = secrets
        self._paths = paths

    async def of(self, caller: Caller) -> SubmitOptions:
        """What this caller may submit."""
        offer, kinds, own = await asyncio.gather(
            self._told(OFFER, AskOffer()), self._told(NOTIFY_KINDS, AskNotifyKinds()), self._names(of_user(caller.name))
        )
        return SubmitOptions(
            vcs=tuple([await self._vc(caller, name) for name in sorted(caller.vcs)]),
            device_types=tuple(
                OfferedDevices(
                    device_type=one.device_type, total=one.total, max_per_node=one.most, simulated=one.simulated
                )
                for one in offer.devices
            )
            if offer is not None
            else None,
            max_cpus=offer.cpus if offer is not None else None,
            max_memory_mib=offer.memory_mib if offer is not None else None,
            uses_images=offer.uses_images if offer is not None else None,
            endpoints=get_args(OfferedEndpoint),
            notify=NotifyOptions(**kinds.model_dump()) if kinds is not None else None,
            secrets=own,
            path_roots=self._paths.roots,
            request_bytes=REQUEST_BYTES,
            limits=LIMITS,
        )

    async def _vc(self, caller: Caller, name: str) -> SubmitVc:
        policy = await self._policy_of(name)
        return SubmitVc(
            name=name,
            role=caller.vcs[name],
            open=policy.open,
            jobs_per_user=policy.jobs_per_user,
            quota={},
            secrets=await self._names(of_vc(name)),
            **vars(allowance(caller, policy)),
        )

    async def _names(self, holder: str) -> tuple[str, ...]:
        return tuple(secret.name for secret in await self._secrets.names(holder))

    async def _told(self, command: Command[Ask, Answer], ask: Ask) -> Answer | None:
        try:
            return await self._bus.ask(command, ask, PATIENCE_S)
        except Refusal as refusal:
            log.debug("option_missing", command=command.subject, problem=refusal.code)
            return None
