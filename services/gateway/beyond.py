"""Whether a submission asks for more than any node has, as the scheduler knows them: such a job could never start.

The scheduler is asked before a job is taken, but never waited for long: while it does not answer, the submission is
taken, and the job's own reason says later what is in its way. What was found to fit is believed for a few seconds, so
that many submissions of one shape ask once.
"""

import structlog

from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.scheduling import FORESEE
from shared.contracts.commands.submission import Foresee
from shared.contracts.errors import FieldError, Invalid, Refusal
from shared.contracts.job import JobRequest, Reason

log = structlog.get_logger()

BELIEVED_S = 5.0
MOST = 1000
"""Shapes that are believed at a time."""

Shape = tuple[str, int, float, int]


class Beyond:
    """`refuse`: whether such submissions are refused at all; where nodes come when they are needed they are not."""

    def __init__(self, bus: Bus, clock: Clock, timeout_s: float, refuse: bool) -> None:
        self._bus = bus
        self._clock = clock
        self._timeout_s = timeout_s
        self._refuse = refuse
        self._fitted: dict[Shape, float] = {}

    async def check(self, request: JobRequest) -> None:
        """Raises Invalid."""
        shape = (request.device_type, request.devices, request.cpus, request.memory_mib)
        now = self._clock.monotonic()
        if not self._refuse or now - self._fitted.get(shape, float("-inf")) < BELIEVED_S:
            return
        reason = await self._ask(request)
        if reason is not None:
            self._fitted.pop(shape, None)
            raise Invalid(reason.message, (FieldError(field=_field(reason), message=reason.message),), reason.details)
        if len(self._fitted) >= MOST:
            self._fitted.clear()
        self._fitted[shape] = now

    async def _ask(self, request: JobRequest) -> Reason | None:
        ask = Foresee(
            device_type=request.device_type,
            devices=request.devices,
            nodes=1,
            cpus=request.cpus,
            memory_mib=request.memory_mib,
        )
        try:
            return (await self._bus.ask(FORESEE, ask, self._timeout_s)).beyond
        except Refusal as refusal:
            log.debug("foresight_missing", problem=refusal.code)
            return None


def _field(reason: Reason) -> str:
    """The first amount that no node has; all of them are there, if not on one node: the devices."""
    asked, most = reason.details["needs"], reason.details["largest"]
    assert isinstance(asked, dict) and isinstance(most, dict)
    fields = ("devices", "cpus", "memory_mib")
    return next((name for name in fields if asked[name] > most[name]), "devices" if asked["devices"] else "cpus")  # type: ignore[operator]
