"""Streams into a run: what the executor of its node is asked for before bytes flow, which they do beside NATS.

A service asks the run's executor for a ticket (`cmd.executor.open_stream.v1.<node>`), connects to the address in the
answer, and shows the ticket there, once and within seconds.
"""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from shared.contracts.base import Attempt, Contract, JobId
from shared.contracts.endpoints import Port, Rank

ChildName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Argument = Annotated[str, Field(max_length=131_072)]

NAMED_HOLDER = "job "
"""What the holder of a port begins with in a refusal, where it may be named: a job of the same virtual cluster."""


class Terminal(Contract):
    """A pseudo-terminal for the child: its kind and its size in characters."""

    term: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$")] = "xterm-256color"
    columns: Annotated[int, Field(ge=1, le=10_000)] = 80
    rows: Annotated[int, Field(ge=1, le=10_000)] = 24


class Child(Contract):
    """A program that is started inside a run: in its environment, folder and devices, ended with it.

    Without a `name` it ends with the connection that started it. With one it lives until the run ends or `stop` is
    asked for by that name, and its output goes to a file of the run; the same name again starts nothing new.
    """

    argv: Annotated[
        tuple[Argument, ...] | None,
        Field(max_length=4096, description="None: the user's login shell."),
    ] = None
    shell_command: Annotated[str | None, Field(description="A line for the user's shell; instead of `argv`.")] = None
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    terminal: Terminal | None = None
    name: ChildName | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.argv is not None and self.shell_command is not None:
            raise ValueError("name one of argv and shell_command")
        if self.name is not None and self.terminal is not None:
            raise ValueError("terminal: a child with a name has none")
        return self


class OpenStream(Contract):
    """A connection to a port of the run, a child in it, or of a child that has a name its end or its last words.

    One of them.
    """

    job_id: JobId
    attempt: Attempt
    rank: Rank = 0
    port: Port | None = None
    child: Child | None = None
    stop: ChildName | None = None
    said: ChildName | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(way is not None for way in (self.port, self.child, self.stop, self.said)) != 1:
            raise ValueError("name one of port, child, stop and said")
        return self


class StreamTicket(Contract):
    """Where to connect, and what to show there. `path` is a Unix socket of `host_id`; elsewhere `host` and `port`."""

    model_config = ConfigDict(hide_input_in_errors=True)

    ticket: Annotated[str, Field(repr=False)]
    host_id: Annotated[str, Field(description="The boot id of the machine that the socket `path` lies on.")]
    path: str
    host: str | None = None
    port: int | None = None
