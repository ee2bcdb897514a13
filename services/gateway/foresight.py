"""What a submission will meet in the yard, in sentences: the scheduler says so, as far as it answers in time."""

import structlog

from services.gateway.fresh import Fresh
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.cluster import AskOffer
from shared.contracts.commands.cluster import OFFER
from shared.contracts.commands.scheduling import FORESEE
from shared.contracts.commands.submission import SIMULATED_DEVICES, Foresee
from shared.contracts.errors import Refusal
from shared.contracts.job import SAID_BY_PLATFORM, JobRequest, Reason

log = structlog.get_logger()

NOT_KNOWN = "The scheduler does not answer right now: whether a node has what the job asks for is not known."
IMAGE_NOT_USED = "image_not_used"


class Foresights:
    """Warnings never refuse a submission: a node that has what it asks for may come at any time."""

    def __init__(self, bus: Bus, clock: Clock, timeout_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s
        self._images_used: Fresh[bool | None] = Fresh(clock)

    async def of(self, request: JobRequest) -> tuple[str, ...]:
        """All that is known to be in its way for long, or done otherwise."""
        found = await self._ask(request)
        said = (NOT_KNOWN,) if found is None else tuple(warning.message for warning in found)
        return (*said, *_replaced(request))

    async def of_submitted(self, request: JobRequest) -> tuple[str, ...]:
        """Only what the job's reason will not say while it waits."""
        return (*await self._of_image(request), *_replaced(request))

    async def _of_image(self, request: JobRequest) -> tuple[str, ...]:
        """Without one there is nothing to ask."""
        found = None if request.image is None else await self._ask(request)
        return tuple(warning.message for warning in found or () if warning.code == IMAGE_NOT_USED)

    async def images_used(self) -> bool | None:
        """Whether any node starts jobs in images; None: not known right now."""
        return await self._images_used.get("", self._ask_for_images)

    async def simulated(self, job: JobRequest) -> bool | None:
        """Whether the devices that it asks for do not really exist; None: not known right now."""
        if not job.devices:
            return False
        found = await self._ask(job)
        return None if found is None else any(warning.code == SIMULATED_DEVICES for warning in found)

    async def _ask(self, request: JobRequest) -> tuple[Reason, ...] | None:
        """None: the scheduler does not answer right now."""
        ask = Foresee(
            device_type=request.device_type,
            devices=request.devices,
            nodes=request.nodes,
            cpus=request.cpus,
            memory_mib=request.memory_mib,
            image=request.image,
        )
        try:
            return (await self._bus.ask(FORESEE, ask, self._timeout_s)).warnings
        except Refusal as refusal:
            log.debug("foresight_missing", problem=refusal.code)
            return None

    async def _ask_for_images(self) -> bool | None:
        try:
            return (await self._bus.ask(OFFER, AskOffer(), self._timeout_s)).uses_images
        except Refusal as refusal:
            log.debug("offer_missing", problem=refusal.code)
            return None


def _replaced(request: JobRequest) -> tuple[str, ...]:
    """What it says itself and will not find."""
    names = [name for name in SAID_BY_PLATFORM if name in request.env]
    if not names:
        return ()
    values = "value" if len(names) == 1 else "values"
    return (f"The platform says itself what {', '.join(names)} is in each run; the {values} in env will not be seen.",)
