"""`make demo`: a real training job, from queued to finished, on a platform that is started for it and stopped again.

It submits `examples/digits`, follows its console, pauses it once in the middle and resumes it, and shows the history.
Everything that should be so is checked; the first thing that is not ends the demo with a sentence and exit code 1.
"""

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import yaml
from rich.console import Console
from rich.text import Text

from jobyard import Client, Job, JobStatus, JobyardError, LogGap

ROOT = Path(__file__).resolve().parent.parent
DIGITS = ROOT / "examples" / "digits"
PAUSE_AFTER_EPOCH = 10
START_S, STOP_S, WHOLE_S = 30, 15, 110
EPOCH = re.compile(r"epoch +(\d+)/(\d+)  loss ([\d.]+)")
ACCURACY = re.compile(r"accuracy ([\d.]+)")
GOOD_ACCURACY = 0.9

console = Console(highlight=False, markup=False, soft_wrap=True)


class NotAsItShouldBe(Exception):
    """What the demo expected, and what it saw instead."""


def expect(so: bool, otherwise: str) -> None:
    """Raises NotAsItShouldBe."""
    if not so:
        raise NotAsItShouldBe(otherwise)


def tell(text: str) -> None:
    """One step of the story."""
    console.print(Text.assemble("\n", ("> ", "bold green"), (text, "bold")))


def show(text: str) -> None:
    """What the platform or the job says."""
    console.print(Text("  " + text))


@contextmanager
def platform(data: Path) -> Iterator[str]:
    """The whole platform on a free port; its address. It is stopped at the end, whatever happened."""
    ports = ["--port", "0", "--ssh-port", "0", "--metrics-port", "0"]
    command = [sys.executable, "-m", "services.embedded", *ports, "--data", str(data)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    with (data / "platform.log").open("w+b") as errors:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C ends the demo, which then stops the platform in its own way
        )
        try:
            yield _address(process, errors.name)
            process.terminate()
            code = process.wait(STOP_S)
            expect(code == 0, f"The platform ended with exit code {code}; it should end with 0.\n{_last(errors.name)}")
        finally:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], errors: str) -> str:
    """What follows `ready` in the platform's output."""
    assert process.stdout is not None
    output, deadline = b"", time.monotonic() + START_S
    while not (match := re.search(rb"^ready (http://\S+)$", output, re.MULTILINE)):
        left = deadline - time.monotonic()
        expect(left > 0, f"The platform was not ready within {START_S} s.\n{_last(errors)}")
        if select.select([process.stdout], [], [], left)[0]:
            piece = os.read(process.stdout.fileno(), 65536)
            expect(piece != b"", f"The platform ended before it was ready.\n{_last(errors)}")
            output += piece
    return str(match[1], "ascii")


def _last(log: str) -> str:
    return "\n".join(Path(log).read_text(errors="replace").splitlines()[-20:])


def train(yard: Client, job: Job) -> float:
    """Follow the job to its end, with one pause in the middle; the accuracy that it reports."""
    epochs: list[int] = []
    paused = resumed = False
    accuracy = 0.0
    for line in yard.follow_logs(job.id):
        if isinstance(line, LogGap):
            raise NotAsItShouldBe(f"{line.lost} lines of the console were lost.")
        show(f"{line.attempt} | {line.text}")
        if match := EPOCH.match(line.text):
            epochs.append(int(match[1]))
        if match := ACCURACY.match(line.text):
            accuracy = float(match[1])
        resumed = resumed or line.text.startswith("resuming after epoch")
        if not paused and epochs and epochs[-1] >= PAUSE_AFTER_EPOCH:
            paused = True
            pause_and_resume(yard, job)
    expect(paused, "The job was over before it could be paused.")
    expect(resumed, "The job did not go on from its checkpoint.")
    expect(epochs == list(range(1, len(epochs) + 1)), f"Every epoch should run once, in order; these ran: {epochs}.")
    expect(accuracy >= GOOD_ACCURACY, f"The accuracy is {accuracy}; it should be {GOOD_ACCURACY} or more.")
    return accuracy


def pause_and_resume(yard: Client, job: Job) -> None:
    tell("In the middle: pause. It gets SIGTERM and time for its checkpoint; then its place is free for others.")
    yard.pause(job.id)
    stopped = yard.wait(job.id, until=[JobStatus.PAUSED], timeout=30)
    expect(stopped.status == JobStatus.PAUSED, f"The job is {stopped.status}; it should be paused.")
    show(f"the job is {stopped.status}")
    tell("Resume: it is queued again and goes on where it was.")
    yard.resume(job.id)


def print_history(yard: Client, job: Job) -> None:
    events = yard.events(job.id)
    for event in events:
        state, actor = event.data.job.state, event.data.actor
        fact = event.type.removeprefix("io.jobyard.job.").removesuffix(".v1")
        moment = event.time.astimezone().isoformat(timespec="milliseconds")[11:23]
        reason = f"  ({state.reason.message})" if state.reason else ""
        show(f"{moment}  {fact:<10} attempt {state.attempt}  by {actor.kind} {actor.name}{reason}")
    versions = [event.jobversion for event in events]
    expect(versions == list(range(1, len(events) + 1)), f"Every version should have its event; there are {versions}.")
    facts = " ".join(event.type.split(".")[3] for event in events)
    story = "submitted scheduled started pausing paused resumed scheduled started finished"
    expect(facts == story, f"The history should be: {story}; it is: {facts}.")


def demo(data: Path) -> None:
    began = time.monotonic()
    tell("Start the platform: a NATS server and the services, all on this machine.")
    with platform(data) as url:
        show(f"ready at {url} after {time.monotonic() - began:.1f} s")
        os.environ["JOBYARD_DATA"] = str(data)
        with Client(url) as yard:
            tell("Submit examples/digits: a neural network that learns to read handwritten digits.")
            request = yaml.safe_load((DIGITS / "job.yaml").read_text())
            job = yard.submit(request, work_path=str(DIGITS))
            show(f"job {job.id} is {job.status}, owner {job.owner}")
            try:
                tell("Its console, live (the number is the attempt):")
                accuracy = train(yard, job)
                job = yard.wait(job.id, timeout=30)
            except BaseException:
                end(yard, job)
                raise
            tell("Its history, every change with who made it:")
            print_history(yard, job)
            expect(job.status == JobStatus.FINISHED, f"The job is {job.status}; it should be finished.")
            expect(job.exit_code == 0, f"The job's exit code is {job.exit_code}; it should be 0.")
            expect(job.attempt == 2, f"The job took {job.attempt} attempts; it should have taken 2.")
            tell(f"{job.status}: {accuracy:.1%} of the digits that it had never seen were read right.")
        tell("Stop the platform.")
    show(f"stopped; the whole demo took {time.monotonic() - began:.0f} s")


def end(yard: Client, job: Job) -> None:
    """Leave no job behind: a running one would go on without the platform."""
    try:
        yard.kill(job.id)
        yard.wait(job.id, timeout=20)
    except JobyardError as error:
        console.print(Text(f"The job could not be ended: {error}", style="red"))


def _too_slow(_signal: int, _frame: FrameType | None) -> None:
    raise NotAsItShouldBe(f"The demo took longer than {WHOLE_S} s.")


def main() -> int:
    for name in [name for name in os.environ if name.startswith("JOBYARD_")]:
        del os.environ[name]
    signal.signal(signal.SIGALRM, _too_slow)
    signal.alarm(WHOLE_S)
    data = Path(tempfile.mkdtemp(prefix="jobyard-demo-"))
    try:
        demo(data)
    except (NotAsItShouldBe, JobyardError) as error:
        console.print(Text(f"\nThe demo failed: {error}", style="bold red"))
        return 1
    except KeyboardInterrupt:
        console.print("\nInterrupted.")
        return 130
    finally:
        signal.alarm(0)
        shutil.rmtree(data, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
