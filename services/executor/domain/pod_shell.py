"""What a run's pod has a shell for, and what is said of one whose image has none.

The scripts that start a command and stop it are for a shell. A list of arguments needs none itself, so where an image
has none such a run starts without them, as what Kubernetes makes of any container (see `backends.kubernetes.direct`).
"""

from collections.abc import Sequence
from enum import StrEnum

from services.executor.domain.pod_names import SHELL_USE
from services.executor.domain.pod_status import Pod
from shared.contracts.events import Facts
from shared.contracts.job import Reason

SHELL = "/bin/sh"


class ShellUse(StrEnum):
    """As a pod's annotation says it."""

    LINE = "line"
    """The command is a line for it."""
    RANKS = "ranks"
    """The ranks of the run wait in it for one another."""
    SCRIPTS = "scripts"
    """Of the platform alone; the command itself would start without."""
    NONE = "none"
    """It starts without."""


_USES: dict[str | None, ShellUse] = {use.value: use for use in ShellUse}
_HELP = {
    ShellUse.LINE: "that the job's command line is for. Give the command as a list of arguments, the first of them a "
    "program of the image: then it starts without a shell.",
    ShellUse.RANKS: "in which the ranks of a job wait for one another. Use an image that has one, or a single node.",
}


def needed_use(argv: Sequence[str], ranks: int) -> ShellUse:
    """What a run with this command has a shell for."""
    if ranks > 1:
        return ShellUse.RANKS
    return ShellUse.LINE if argv[0] == SHELL else ShellUse.SCRIPTS


def use_of(pod: Pod) -> ShellUse:
    """Of this pod; one that does not say it is taken for the kind that can be started otherwise."""
    said = pod["metadata"].get("annotations", {}).get(SHELL_USE)
    return _USES.get(said, ShellUse.SCRIPTS)


def program_of(pod: Pod) -> str:
    """What its container begins with."""
    command = pod["spec"]["containers"][0].get("command") or [SHELL]
    return str(command[0]).replace("$$", "$")


def missing(pod: Pod, said: str) -> Reason:
    """Of a pod whose program its image does not have; `said`: by its node."""
    image, program, use = pod["spec"]["containers"][0].get("image", ""), program_of(pod), use_of(pod)
    details: Facts = {"image": image, "said": said}
    if use in _HELP:
        words = f"The image {image} has no {SHELL}, {_HELP[use]}"
        return Reason(code="shell_missing", message=words, details={**details, "needed_by": use.value})
    words = f"The image {image} has no program {program} that can be started: {said}"
    return Reason(code="program_missing", message=words, details={**details, "program": program})
