"""What is said at an executor's doorway: a ticket in a line, an answer in a line; then the bytes of the stream.

Over the Unix socket the answer brings descriptors. Over TCP the connection itself becomes the stream of a port, or the
control of a child, whose other streams are connections of their own, each with a ticket from the answer: so none of
them waits for another, and closing one half means to it what it means to a pipe.
"""

import json
from pathlib import Path

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.errors import RefusalBody, refusal_from

TICKET_BYTES = 256
"""A line that is longer is no ticket."""
ANSWER_BYTES = 1 << 20
FILES = 4

CONTROL = "control"
SOCKET = "socket"


class Opened(Contract):
    """What has been opened."""

    pid: int | None = None
    files: tuple[str, ...] = ()
    """What the descriptors are that came with this line, in their order."""
    channels: dict[str, str] = Field(default_factory=dict, repr=False)
    """Over TCP: tickets for the child's other streams."""
    text: str = ""
    """The last words of a child."""


def answer_line(answer: Opened | RefusalBody) -> bytes:
    return answer.model_dump_json().encode() + b"\n"


def read_answer(line: bytes) -> Opened:
    """Raises the Refusal that was given."""
    if "status" in json.loads(line):
        raise refusal_from(RefusalBody.model_validate_json(line))
    return Opened.model_validate_json(line)


def boot_id() -> str:
    """Names this machine until it restarts; also inside a container."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
