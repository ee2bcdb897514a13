"""`jobyard ssh`: a shell or a command in a running job, without a key: through the platform's door.

On a terminal every key goes to the job, Ctrl-C too; the main thread writes what comes, another one reads what is typed
and what signal handlers tell it through a pipe, so that no handler touches the connection itself.
"""

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from jobyard.cli.entering import enter, require_rank, why_cut
from jobyard.cli.session import JobArgument, session
from jobyard.errors import JobyardError

if TYPE_CHECKING:
    from jobyard.tunnel import Session, Terminal

CUT = 255
"""As with `ssh`: it was the connection that failed, not the command."""
KILLED = (128 + signal.SIGHUP, 128 + signal.SIGTERM, 128 + signal.SIGKILL)
"""How a command ends that the platform ends with its run."""
KNOWN_S = 1.0
LANGUAGE = ("LANG", "LC_")
PIECE = 1 << 16

RankOption = Annotated[int, typer.Option(min=0, max=63, help="Which rank of a job of several.")]


class OwnFirst(TyperCommand):
    """Options before the command's first word are ours, as with `ssh` itself; all that follows is the command's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        valued = {name for option in self.params if not getattr(option, "is_flag", True) for name in option.opts}
        return super().parse_args(ctx, own_first(args, valued))


def own_first(words: list[str], valued: Collection[str]) -> list[str]:
    """The words with `--` before the command; `valued` are the options that another word belongs to."""
    job = False
    index = 0
    while index < len(words) and words[index] != "--":
        if words[index].startswith("-"):
            index += 1 + (words[index] in valued)
        elif job:
            return [*words[:index], "--", *words[index:]]
        else:
            job = True
            index += 1
    return words


def ssh(
    context: typer.Context,
    job: JobArgument,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND...]", help="For the job's shell; else a shell itself.")
    ] = None,
    rank: RankOption = 0,
    force_terminal: Annotated[bool, typer.Option("--terminal", "-t", help="Also for a command.")] = False,
) -> None:
    """Open a shell in a running job, or run a command there. The exit code is the command's own, or 255 when it was
    the platform or the connection that ended it.
    """
    current = session(context)
    job_id = current.job_id(job)
    require_rank(current.client, job_id, rank)
    line = " ".join(command) if command else None
    on_terminal = sys.stdin.isatty() and (force_terminal or line is None)
    terminal = _terminal() if on_terminal else None
    env = {name: value for name, value in os.environ.items() if name.startswith(LANGUAGE)}
    tunnels = current.client.tunnels
    opened = enter(current.client, job_id, "ssh", lambda: tunnels.session(job_id, line, terminal, env, rank))
    with opened as talk:
        try:
            with _raw() if on_terminal else contextlib.nullcontext():
                code = _talk(talk)
        except JobyardError as error:
            _say(why_cut(current.client, job_id, "ssh") or error.message)
            code = CUT
    if code in KILLED and (why := why_cut(current.client, job_id, "ssh", KNOWN_S)):
        _say(why)
        code = CUT
    sys.stdout.flush()
    raise typer.Exit(code)


def _talk(talk: "Session") -> int:
    from jobyard.tunnel import Ended

    with _told() as events:
        threading.Thread(target=_send, args=(talk, events), daemon=True).start()
        for said in talk:
            if isinstance(said, Ended):
                return said.code
            target = sys.stderr if said.to_stderr else sys.stdout
            target.buffer.write(said.data)
            target.buffer.flush()
    return CUT


def _send(talk: "Session", events: int) -> None:
    """What is typed, the terminal's new size, and Ctrl-C where there is no terminal; until the connection ends."""
    typing: list[int] = [sys.stdin.fileno()]
    with contextlib.suppress(JobyardError, OSError):
        while True:
            ready, _, _ = select.select([*typing, events], [], [])
            if events in ready:
                for event in os.read(events, 64):
                    _pass_on(talk, event)
            if typing and typing[0] in ready:
                data = os.read(typing[0], PIECE)
                if data:
                    talk.send(data)
                else:
                    typing.clear()
                    talk.end_input()


def _pass_on(talk: "Session", event: int) -> None:
    if event == signal.SIGWINCH:
        terminal = _terminal()
        talk.resize(terminal.columns, terminal.rows)
    else:
        talk.signal(signal.Signals(event).name.removeprefix("SIG"))


@contextlib.contextmanager
def _told() -> Iterator[int]:
    """A pipe that says which signal came, a byte each."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)

    def tell(number: int, frame: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(writes, bytes([number]))

    before = {number: signal.signal(number, tell) for number in (signal.SIGWINCH, signal.SIGINT, signal.SIGTERM)}
    try:
        yield reads
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writes)


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Every key as it is, until the end."""
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setraw(number, termios.TCSADRAIN)  # what was typed ahead is for the job
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def _terminal() -> "Terminal":
    from jobyard.tunnel import Terminal

    try:
        size = os.get_terminal_size(sys.stdin.fileno())
        columns, rows = size.columns or 80, size.lines or 24
    except OSError:
        columns, rows = 80, 24
    return Terminal(os.environ.get("TERM") or "xterm", columns, rows)


def _say(sentence: str) -> None:
    from jobyard.cli.terminal import inert, notes

    notes().print(inert(sentence))
