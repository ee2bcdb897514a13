"""The OpenSSH client as a person uses it: with a key of their own, against a bastion that it has met before."""

import os
import pty
import re
import select
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.support.people import Person
from tests.support.waiting import wait_until


def make_key(path: Path) -> str:
    """A new key pair at this path; its public line."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text()


@dataclass
class Ssh:
    """One person's client. `known_hosts` remembers the bastion from the first connection on."""

    port: int
    key: Path
    known_hosts: Path

    @classmethod
    def of(cls, person: Person, port: int, folder: Path, name: str = "laptop") -> "Ssh":
        """With a key that the person has added."""
        key = folder / f"{name}-of-{person.name}"
        person.call("POST", "/me/keys", 201, json={"name": name, "public_key": make_key(key)})
        return cls(port, key, folder / "known_hosts")

    def options(self, port_option: str = "-p") -> list[str]:
        said = {
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": str(self.known_hosts),
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            "ConnectTimeout": "60",
        }
        options = [word for name, value in said.items() for word in ("-o", f"{name}={value}")]
        return ["-F", "none", "-i", str(self.key), port_option, str(self.port), *options]

    def command(self, user: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        return ["ssh", *options, *self.options(), f"{user}@127.0.0.1", *arguments]

    def run(
        self,
        user: str,
        *arguments: str,
        options: tuple[str, ...] = (),
        input: bytes | None = None,
        stdin: IO[bytes] | None = None,
        env: dict[str, str] | None = None,
    ) -> "Done":
        """The whole life of one `ssh`."""
        return run(self.command(user, *arguments, options=options), input, stdin, env)

    @contextmanager
    def kept(self, user: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """A client without a session, `ssh -N`, for as long as the block takes."""
        command = self.command(user, options=("-N", "-o", "ExitOnForwardFailure=yes", *options))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


Done = subprocess.CompletedProcess[bytes]


def run(
    command: list[str],
    input: bytes | None = None,
    stdin: IO[bytes] | None = None,
    env: dict[str, str] | None = None,
) -> Done:
    """The whole life of a program; without input it has none."""
    given: dict[str, Any] = {"stdin": stdin or subprocess.DEVNULL} if input is None else {"input": input}
    return subprocess.run(command, capture_output=True, check=False, timeout=240, env=env, **given)


class Typist:
    """A program on a terminal of its own, typed to and read like a person does."""

    def __init__(
        self, command: list[str], columns: int = 80, rows: int = 24, env: dict[str, str] | None = None
    ) -> None:
        self._said = b""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        termios.tcsetwinsize(self._terminal, (rows, columns))

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def expect(self, pattern: str) -> re.Match[str]:
        """The first match in what was said since the last one."""
        found: re.Match[str] | None = None

        def heard() -> bool:
            nonlocal found
            self._read()
            found = re.search(pattern, self._said.decode(errors="replace"))
            return found is not None

        wait_until(heard, f"{pattern!r} in {self._said!r}")
        assert found is not None
        self._said = self._said.decode(errors="replace")[found.end() :].encode()
        return found

    def ended(self) -> int:
        """Its exit status."""
        status: list[int] = []

        def gone() -> bool:
            self._read()
            pid, how = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                status.append(os.waitstatus_to_exitcode(how))
            return bool(pid)

        wait_until(gone, "it has ended")
        os.close(self._terminal)
        return status[0]

    def _read(self) -> None:
        with suppress(OSError):
            while select.select([self._terminal], [], [], 0)[0]:
                data = os.read(self._terminal, 65_536)
                if not data:
                    return
                self._said += data
