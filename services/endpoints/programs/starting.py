"""Starts, checks and stops the programs of endpoints, through the node that their run is on."""

import asyncio

from services.endpoints.domain.document import EndpointDocument
from services.endpoints.programs.http import get
from services.endpoints.programs.program import MISSING, PROGRAMS, TRIES, Program, base_of, child_name, port_of
from shared.contracts.errors import Conflict
from shared.contracts.job import Reason
from shared.streams.client import RunAt, Streams
from shared.streams.process import Exit, Process

START_S = 120.0
"""What a program has to answer in; a loaded machine takes its time with Jupyter."""

POLL_S = 0.2
ANSWER_S = 5.0
LINES, CHARS = 10, 2000
"""What is kept of a program's last words."""

NOT_LISTENING, PORT_TAKEN = "not_listening", "port_taken"
LACKING = frozenset({"program_missing", "program_unusable"})
"""Why nothing can be started where the job runs: what its image lacks, it will lack as long as it runs."""


class Broke(Exception):
    """The program is not there, or is no more."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


class Programs:
    """What it raises beside Broke are the Refusals of the run's node: the run has ended, or cannot be reached now."""

    def __init__(self, streams: Streams, python: str) -> None:
        """`python`: the platform's own interpreter, which has the programs that a job lacks."""
        self._streams = streams
        self._python = python

    async def open(self, endpoint: EndpointDocument) -> int:
        """The port that the program answers on. The same again finds it. Raises Broke."""
        for number in range(TRIES):
            port = await self._open_at(endpoint, number)
            if port is not None:
                return port
        raise _broke("port_taken", f"{TRIES} ports in a row were taken on the job's node. Add the endpoint again.")

    async def check(self, endpoint: EndpointDocument) -> None:
        """Raises Broke for a program that listens no more."""
        assert endpoint.target is not None
        try:
            connection = await self._streams.dial(run_at(endpoint), endpoint.target)
        except Conflict as refused:
            if refused.details.get("code") not in (NOT_LISTENING, PORT_TAKEN):
                raise
            number = next(n for n in range(TRIES) if port_of(endpoint.secret or "", n) == endpoint.target)
            raise await self._dead(endpoint, number, None) from None
        connection.close()

    async def ask(self, endpoint: EndpointDocument, path: str) -> tuple[int, bytes]:
        """What the program answers to this path below its base. Raises OSError, too, when it does not."""
        assert endpoint.target is not None
        connection = await self._streams.dial(run_at(endpoint), endpoint.target)
        headers = PROGRAMS[endpoint.kind].headers(endpoint)
        return await get(connection, base_of(endpoint) + path, headers, ANSWER_S)

    async def stop(self, endpoint: EndpointDocument) -> None:
        """End whatever was started for it."""
        for number in range(TRIES):
            await self._streams.stop(run_at(endpoint), child_name(endpoint, number))

    async def _open_at(self, endpoint: EndpointDocument, number: int) -> int | None:
        """The same for one port; None: somebody else has it."""
        program = PROGRAMS[endpoint.kind]
        try:
            process = await self._streams.start(run_at(endpoint), program.child(endpoint, number, self._python))
        except Conflict as refused:
            code = str(refused.details.get("code"))
            if code not in LACKING:
                raise
            raise _broke(code, f"{program.title} cannot be started: {refused.message}") from None
        try:
            return await self._answering(endpoint, program, number, process)
        finally:
            process.close()

    async def _answering(
        self, endpoint: EndpointDocument, program: Program, number: int, process: Process
    ) -> int | None:
        port = port_of(endpoint.secret or "", number)
        ended = asyncio.ensure_future(process.ended())
        try:
            async with asyncio.timeout(START_S):
                while True:
                    over = ended.done()
                    held = await self._answers(endpoint, program, port)
                    if held is None:
                        return port
                    if over and held == PORT_TAKEN:
                        return None
                    if over:
                        raise await self._dead(endpoint, number, ended.result())
                    await asyncio.wait((ended,), timeout=POLL_S)
        except TimeoutError:
            said = await self._said(endpoint, number)
            await self.stop(endpoint)
            sentence = f"{program.title} did not answer within {START_S:g} s. Its last words: {said}"
            raise _broke("program_silent", sentence) from None
        finally:
            ended.cancel()

    async def _answers(self, endpoint: EndpointDocument, program: Program, port: int) -> str | None:
        """None if it works by now, else why not yet."""
        try:
            connection = await self._streams.dial(run_at(endpoint), port)
        except Conflict as refused:
            code = str(refused.details.get("code"))
            if code in (NOT_LISTENING, PORT_TAKEN):
                return code
            raise
        try:
            path = base_of(endpoint) + program.answers
            status, _ = await get(connection, path, program.headers(endpoint), ANSWER_S)
        except OSError:
            return NOT_LISTENING
        return None if status == 200 else NOT_LISTENING

    async def _dead(self, endpoint: EndpointDocument, number: int, exit: Exit | None) -> Broke:
        program = PROGRAMS[endpoint.kind]
        if exit is not None and exit.code == MISSING:
            return _broke(
                "program_missing",
                f"{program.title} is not installed where the job runs. Put `{program.package}` into the job's "
                f"environment (`pip install {program.package}`) and add the endpoint again.",
            )
        how = f" with exit code {exit.code}" if exit is not None else ""
        said = await self._said(endpoint, number)
        return _broke("program_ended", f"{program.title} has ended{how}. Its last words: {said}")

    async def _said(self, endpoint: EndpointDocument, number: int) -> str:
        text = await self._streams.said(run_at(endpoint), child_name(endpoint, number))
        if endpoint.secret:
            text = text.replace(endpoint.secret, "***")
        return "\n".join(text.strip().splitlines()[-LINES:])[-CHARS:] or "none."


def run_at(endpoint: EndpointDocument) -> RunAt:
    """Where the endpoint leads."""
    assert endpoint.run is not None
    return RunAt(endpoint.job_id, endpoint.run.attempt, endpoint.run.executor, endpoint.rank)


def _broke(code: str, message: str) -> Broke:
    return Broke(Reason(code=code, message=message))
