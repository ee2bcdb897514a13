"""Children of a run that end with their caller, with the scripts as a pod's shells run them: here, this machine's.

What an API server would be asked to run is run here, behind streams as it has them.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import aiohttp
import pytest

from services.executor.backends.kubernetes import programs
from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.channels import CLOSE, ERROR, STDERR, STDIN, STDOUT
from services.executor.backends.kubernetes.children import Relay
from services.executor.backends.kubernetes.programs import Process
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child, Terminal
from shared.streams.files import read, write
from tests.support.shells import SHELLS
from tests.support.streams import Held

POD = {"metadata": {"namespace": "lab", "name": "job"}}
ODD = {
    "TOKEN": "t0ken",
    "LINES": "one\n--\n  two\n",
    "KEYS": "\x03\x04\x1a\x15\x16\x7f\x1b[A\t\r",
    "LONG": "it's \x03 $HOME 你好\n" * 500,
}
SAYS = ("python3", "-c", f"import json, os; print(json.dumps([os.environ[name] for name in {list(ODD)}]))")


class Container:
    """Runs commands with `shell`, and says what address each would have had."""

    def __init__(self, shell: str) -> None:
        self._shell = shell
        self.addresses: list[str] = []

    @asynccontextmanager
    async def websocket(self, path: str, query: list[tuple[str, str]], protocol: str) -> AsyncIterator["Streams"]:
        self.addresses.append(json.dumps([path, query]))
        _, *words = [value for name, value in query if name == "command"]
        streams = _started([self._shell, *words], ("tty", "true") in query)
        try:
            yield streams
        finally:
            streams.close()


class Streams:
    """Of one command: `outputs` by their channels."""

    def __init__(self, running: "subprocess.Popen[bytes]", stdin: int, outputs: Mapping[int, int]) -> None:
        self._running = running
        self._stdin = stdin
        self._outputs = outputs
        for file in {stdin, *outputs.values()}:
            os.set_blocking(file, False)

    async def send_bytes(self, data: bytes) -> None:
        if data[0] == STDIN:
            await write(self._stdin, data[1:])
        elif data[0] == CLOSE and self._stdin not in self._outputs.values():
            os.close(self._stdin)
            self._stdin = -1

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        for channel, file in self._outputs.items():
            while data := await read(file):
                yield _message(channel, data)
        code = await asyncio.to_thread(self._running.wait)
        causes = {"details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}
        yield _message(ERROR, json.dumps(causes if code else {"status": "Success"}).encode())

    def close(self) -> None:
        self._running.kill()
        self._running.wait()
        for file in {self._stdin, *self._outputs.values()} - {-1}:
            os.close(file)


def _message(channel: int, data: bytes) -> aiohttp.WSMessage:
    return aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, bytes((channel,)) + data, None)


def _started(words: list[str], terminal: bool) -> Streams:
    if terminal:
        near, far = os.openpty()
        running = subprocess.Popen(words, stdin=far, stdout=far, stderr=far, start_new_session=True)
        os.close(far)
        return Streams(running, near, {STDOUT: near})
    (stdin, told), (said, stdout), (cried, stderr) = os.pipe(), os.pipe(), os.pipe()
    running = subprocess.Popen(words, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True)
    for file in (stdin, stdout, stderr):
        os.close(file)
    return Streams(running, told, {STDOUT: said, STDERR: cried})


@pytest.fixture(params=SHELLS)
def container(request: pytest.FixtureRequest) -> Container:
    return Container(request.param)


@asynccontextmanager
async def held(container: Container, child: Child) -> AsyncIterator[Held]:
    noted: list[tuple[Process, bool]] = []

    async def note(process: Process, begun: bool) -> None:
        noted.append((process, begun))

    async def lives() -> bool:
        return False

    relay = Relay(cast(Api, container), POD, child, programs.entering(child, "/"), programs.told(child), lives, note)
    carrying = asyncio.create_task(relay.carry())
    try:
        pid = await relay.started
    except BaseException:
        relay.caller.close()
        await carrying
        raise
    async with Held(relay.caller.execution(pid)) as here:
        yield here
        await carrying
    assert [begun for _, begun in noted] == [True, False]


async def test_a_child_has_its_variables_and_its_input_and_no_address_has_either(container: Container) -> None:
    child = Child(argv=("/bin/sh", "-c", '"$@"; cat', "sh", *SAYS), env=ODD)
    async with held(container, child) as here:
        here.write("stdin", b"and this\n")
        here.close("stdin")
        variables, rest = (await here.everything("stdout")).split(b"\n", 1)
        assert json.loads(variables) == list(ODD.values())
        assert rest == b"and this\n"
        assert (await here.exit())["exit"] == 0
    assert "t0ken" not in "".join(container.addresses)


async def test_a_child_on_a_terminal_has_its_variables_and_shows_none_of_them_before_it_says_so(
    container: Container,
) -> None:
    child = Child(argv=("/bin/sh", "-c", '"$@"; read -r line; echo "$TERM $line"; exit 3', "sh", *SAYS), env=ODD)
    async with held(container, child.model_copy(update={"terminal": Terminal(term="vt220")})) as here:
        said = await here.until_said("terminal", b"\n")
        assert json.loads(said) == list(ODD.values())
        here.write("terminal", b"typed\n")
        await here.until_said("terminal", b"vt220 typed\r\n")
        assert (await here.exit())["exit"] == 3
    assert "t0ken" not in "".join(container.addresses)


@pytest.mark.parametrize("terminal", [None, Terminal()])
async def test_a_program_that_is_not_there_is_refused_in_words(container: Container, terminal: Terminal | None) -> None:
    child = Child(argv=("no-such-program",), env=ODD, terminal=terminal)
    with pytest.raises(Conflict, match="No such file") as refused:
        async with held(container, child):
            pass
    assert refused.value.details == {"code": "program_missing", "program": "no-such-program"}
