"""What an SSH client may ask for: which job its user name means, where a connection may lead, what it may set."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.contracts.endpoints import PORTS
from shared.contracts.errors import Refusal
from shared.contracts.job import RANKS
from shared.contracts.streams import NAMED_HOLDER

_USER = re.compile(r"([0-7][0-9A-HJKMNP-TV-Z]{25})(?:\.(0|[1-9][0-9]{0,3}))?")
_OWN = frozenset({"localhost", "127.0.0.1", "::1"})
_LANGUAGE = re.compile(r"LANG|LC_[A-Z]{1,32}")
_VALUE = re.compile(r"[A-Za-z0-9_.@:-]{0,64}")
_TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,63}")
SIGNALS = frozenset("ABRT ALRM CONT HUP INT KILL QUIT TERM TSTP USR1 USR2 WINCH".split())
"""What a client may send to the child."""
ANY_TERM = "xterm"

SFTP_SERVERS = (
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/libexec/sftp-server",
    "/usr/lib/ssh/sftp-server",
    "/usr/lib/sftp-server",
    "/usr/local/libexec/sftp-server",
)
NO_SFTP = (
    "This job's machine has no sftp-server, which scp and sftp need. "
    "Install it there: openssh-sftp-server on Debian and Ubuntu, openssh-server on others."
)
_FIND_SFTP = (
    f'for server in {" ".join(SFTP_SERVERS)} "$(command -v sftp-server)"; do '
    f'[ -x "$server" ] && exec "$server"; done; echo "{NO_SFTP}" >&2; exit 127'
)
SFTP = ("/bin/sh", "-c", _FIND_SFTP)
"""Looks in the run's own environment, which is not the bastion's."""


@dataclass(frozen=True)
class Address:
    """A job, and which of its ranks."""

    job_id: str
    rank: int


def address_of(user: str) -> Address | None:
    """What a user name means: `<job_id>` or `<job_id>.<rank>`, in either case of letters; None for all else."""
    shape = _USER.fullmatch(user.upper())
    if shape is None or not shape[0].isascii():
        return None
    rank = int(shape[2] or 0)
    return Address(shape[1], rank) if rank < RANKS else None


def leads_into_the_job(host: str, port: int) -> bool:
    """Whether a forwarded connection stays in the job: its own names for itself, and the ports that it may have.

    Names are compared, never looked up, so that none can come to mean another machine.
    """
    return host.lower() in _OWN and PORTS[0] <= port <= PORTS[1]


def why_not_forwarded(refusal: Refusal, port: int) -> str:
    """What a client is told whose connection leads nowhere.

    A port on which nothing listens and one that somebody else's program has are one sentence: what else there is on
    the node is not to be found out by trying every port. A job of one's own virtual cluster is named.
    """
    code, holder = refusal.details.get("code"), str(refusal.details.get("holder", ""))
    if code == "not_listening" or (code == "port_taken" and not holder.startswith(NAMED_HOLDER)):
        return (
            f"Port {port} does not lead into this job: none of its programs listens there, or another program of the "
            "node has the port."
        )
    return refusal.message


def environment(asked: Mapping[bytes, bytes]) -> dict[str, str]:
    """Of the variables that a client sends: its language. All others are dropped."""
    pairs = ((name.decode("ascii", "replace"), value.decode("ascii", "replace")) for name, value in asked.items())
    return {name: value for name, value in pairs if _LANGUAGE.fullmatch(name) and _VALUE.fullmatch(value)}


def term_of(asked: str | None) -> str:
    """The kind of terminal, or one that all programs know where what was said is none."""
    return asked if asked and _TERM.fullmatch(asked) else ANY_TERM
