"""Dead letters: messages that no repetition will help, kept with the reason for people to look at."""

from typing import TYPE_CHECKING

from nats.aio.msg import Msg

if TYPE_CHECKING:
    from shared.bus.bus import Bus


async def bury(bus: "Bus", message: Msg, stream: str, consumer: str, error: Exception) -> None:
    """Keep the message under `dead.<consumer>.<its subject>`, once however often this is tried.

    The server's own `Nats-*` headers are left behind: they would make the copy a duplicate of itself.
    """
    sequence = message.metadata.sequence.stream
    kept = {key: value for key, value in (message.headers or {}).items() if not key.startswith("Nats-")}
    await keep(
        bus,
        f"dead.{consumer}.{message.subject}",
        message.data,
        f"{stream}.{sequence}.{consumer}",
        f"{type(error).__name__}: {error}",
        {**kept, "Jobyard-Stream": stream, "Jobyard-Sequence": str(sequence)},
    )


async def keep(
    bus: "Bus", subject: str, payload: bytes, id: str, error: str, headers: dict[str, str] | None = None
) -> None:
    """Keep something under a subject `dead.<who gave up>.<what it is>`, once for each id."""
    said = "".join(one if " " <= one <= "~" else " " for one in error)
    await bus.publish_raw(subject, payload, id, {**(headers or {}), "Jobyard-Error": " ".join(said.split())[:1000]})
