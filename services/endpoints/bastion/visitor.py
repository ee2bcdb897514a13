"""One SSH connection: who it is, where it may lead, and what it has open.

Whoever is not let in learns nothing: a job that does not exist, a key that nobody has and a permission that is missing
fail alike, and no sooner than REFUSAL_S. Why a job that they may enter leads nowhere now is said once they are in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from weakref import WeakSet

import asyncssh
import structlog

from services.endpoints.bastion.forward import Forward
from services.endpoints.bastion.session import Session
from services.endpoints.domain.ssh import Address, address_of, leads_into_the_job, why_not_forwarded
from services.endpoints.domain.strangers import Strangers
from services.endpoints.guard import Guard, Pass
from shared.contracts.endpoints import PORTS, Admit, missing_rank
from shared.contracts.errors import Refusal
from shared.streams.client import RunAt, Streams

log = structlog.get_logger()

NAME = "ssh"
"""Of the endpoint that leads here."""
REFUSAL_S = 0.25
FOREIGN = (
    "Connections lead into the job only: to localhost, and to a port of "
    f"{PORTS[0]} to {PORTS[1]} that one of its programs listens on."
)
CROWDED = "Too many connections wait here for somebody to say who they are. Connect again."
NOWHERE_S = 10.0
"""How long somebody stays whose job leads nowhere: long enough for a session to be told why."""
CHANNELS = 100
"""Sessions and forwarded connections that one client may have at one time, those included that are being opened."""


Touch = Callable[[str, str], None]
"""The endpoint of this id was used, by this person."""


@dataclass(frozen=True)
class Admission:
    """Somebody may come in; `way` leads into the run, or says why none does."""

    user: str
    way: Pass | str
    address: Address

    @property
    def run(self) -> RunAt | str:
        if isinstance(self.way, str):
            return self.way
        return RunAt(self.address.job_id, self.way.run.attempt, self.way.run.executor, self.address.rank)


class Visitor(asyncssh.SSHServer):
    """`strangers` counts it until it is authenticated; `touch` is told what is used, `gone` that it has ended."""

    def __init__(
        self,
        guard: Guard,
        streams: Streams,
        strangers: "Strangers[Visitor]",
        touch: Touch,
        gone: Callable[["Visitor"], None],
    ) -> None:
        self._guard = guard
        self._streams = streams
        self._strangers = strangers
        self._touch = touch
        self._gone = gone
        self._address = ""
        self._asked: Admission | None = None
        self._open = ExitStack()
        self._places: set[object] = set()
        self._sessions: WeakSet[Session] = WeakSet()
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._address = str((conn.get_extra_info("peername") or ("",))[0])
        goes = self._strangers.enter(self, self._address)
        if goes is not None:
            log.info("ssh_stranger_dropped", for_one_from=self._address)
            goes.cut(CROWDED)

    def connection_lost(self, exc: Exception | None) -> None:
        self._strangers.leave(self)
        self._connection = None
        self._open.close()
        self._gone(self)

    def cut(self, why: str) -> None:
        """End it, with everything that it has open. Its sessions are told why, as far as the client takes it now."""
        if self._connection is None:
            return
        for session in self._sessions:
            session.tell(why)
        self._connection.abort()

    # --- who it is

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether this key may enter this job; that the client holds it is checked by the library."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self._asked = None
        try:
            self._asked = await self._admitted(username, key)
        except Refusal as refusal:
            log.info("ssh_refused", user=username[:64], why=refusal.code)
        if self._asked is None:
            await asyncio.sleep(max(0.0, begun + REFUSAL_S - loop.time()))
        return self._asked is not None

    def auth_completed(self) -> None:
        self._strangers.leave(self)
        assert self._asked is not None, "there is no other way in than a key"
        log.info("ssh_entered", job_id=self._asked.address.job_id, user=self._asked.user)
        if isinstance(self._asked.way, Pass):
            self._open.enter_context(self._guard.hold(self._asked.way, self.cut, self._address))
        else:
            timer = asyncio.get_running_loop().call_later(NOWHERE_S, self._part, self._asked.way)
            self._open.callback(timer.cancel)

    async def _admitted(self, username: str, key: asyncssh.SSHKey) -> Admission | None:
        address = address_of(username)
        if address is None:
            return None
        public_key = " ".join(key.export_public_key("openssh").decode().split()[:2])
        admitted = await self._guard.admit(Admit(job_id=address.job_id, public_key=public_key))
        again = Admit(job_id=address.job_id, credential=admitted.credential)
        await self._guard.admit(again)  # whoever was cut is not let in by an answer from before
        way: Pass | str
        try:
            way = await self._guard.enter(again, NAME)
            if address.rank >= way.endpoint.nodes:
                way = missing_rank(way.endpoint.nodes)
        except Refusal as refusal:
            way = refusal.message
        return Admission(admitted.user, way, address)

    def _part(self, why: str) -> None:
        if self._connection is not None:
            self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, why)

    # --- what it opens

    def session_requested(self) -> Session:
        session = Session(self._streams, self._run(), self._used, self._place())
        self._sessions.add(session)
        return session

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> Awaitable[Forward]:
        run = self._run()
        if isinstance(run, str):
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, run)
        if not leads_into_the_job(dest_host, dest_port):
            log.info("ssh_forward_refused", job_id=run.job_id, host=dest_host[:256], port=dest_port)
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, FOREIGN)
        return self._forward(run, dest_port, self._place())

    async def _forward(self, run: RunAt, port: int, leave: Callable[[], None]) -> Forward:
        try:
            connection = await self._streams.dial(run, port)
            if self._connection is None:
                connection.close()
                raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "The client is gone.")
        except BaseException as error:
            leave()
            if isinstance(error, Refusal):
                why = why_not_forwarded(error, port)
                raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, why) from None
            raise
        return Forward(connection, self._used, leave)

    def _used(self) -> None:
        if self._asked is not None and isinstance(self._asked.way, Pass):
            self._touch(self._asked.way.endpoint.id, self._asked.user)

    def _run(self) -> RunAt | str:
        assert self._asked is not None, "nothing is opened before the authentication"
        return self._asked.run

    def _place(self) -> Callable[[], None]:
        """Counts one more that is open, or about to be; how to leave it. Raises ChannelOpenError for one too many."""
        if len(self._places) >= CHANNELS:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "This connection has too many open.")
        place = object()
        self._places.add(place)
        return lambda: self._places.discard(place)
