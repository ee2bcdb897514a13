"""Values that a running script reports: loss, accuracy, whatever it counts. They show beside what the job uses.

import jobyard

for step, batch in enumerate(batches):
    jobyard.report(loss=train(batch), step=step)

One line of JSON in the file that the platform names; no network, and nothing to wait for. Any thread and any process
of the job may report: a line is written in one piece. Standard library only, as with checkpoints.
"""

import json
import os
import re
import sys
import time
from collections.abc import Mapping
from typing import Never, SupportsFloat

FILE = "JOBYARD_METRICS_FILE"
MOST = 100
"""Names that one job may report under; the platform drops what comes under others."""
RESERVED = "time"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,63}")
_said: set[str] = set()


def report(values: Mapping[str, SupportsFloat] | None = None, /, *more: Never, **named: SupportsFloat) -> None:
    """Report these values: `report(loss=0.31, step=4)`, or `report({"train/loss": 0.31})` for names with signs in them.

    A value is a number, or what can become one by `item()` or `float()`, as arrays and tensors of one element can. NaN
    and infinity show as such. The last value of each name counts, every few seconds. The platform reads 64 KiB each
    5 s, which is two hundred lines a second, in their order, and more in a job's first minute; what comes faster waits,
    and once 4 MiB wait, all but the newest lines are passed over and counted as dropped.

    Outside of a job, and when the file cannot be written, it says so once on stderr and does nothing. Raises ValueError
    for a name that is none or more than 100 of them, TypeError for a value without a name or one that is no number:
    those are mistakes of the script.
    """
    if more or not (values is None or isinstance(values, Mapping)):
        raise TypeError(_nameless(values))
    numbers = {_checked(name): _number(name, value) for name, value in {**(values or {}), **named}.items()}
    if len(numbers) > MOST:
        raise ValueError(f"A job reports under at most {MOST} names, and these are {len(numbers)}.")
    path = os.environ.get(FILE)
    if not path:
        _say(f"jobyard.report: {FILE} is not set, so this is no job, and what it reports goes nowhere.")
    elif numbers:
        _append(path, json.dumps({**numbers, RESERVED: round(time.time(), 3)}))


def _append(path: str, line: str) -> None:
    """In one write at the end of the file, so that lines of several processes never mix."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, line.encode() + b"\n")
        finally:
            os.close(file)
    except OSError as error:
        _say(f"jobyard.report: {path} cannot be written, and what is reported is lost: {error.strerror}.")


def _checked(name: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == RESERVED:
        raise ValueError(
            f"{str(name)[:80]!r} is no name for a value: it needs a letter or '_', then up to 63 letters, digits and "
            f"'_./-', and '{RESERVED}' is taken."
        )
    return name


def _nameless(said: object) -> str:
    """What to write instead."""
    name = said if isinstance(said, str) and said.isidentifier() else "loss"
    return f"Each value is reported under its name: report({name}=5), or report({{'train/{name}': 5}})."


def _number(name: str, value: SupportsFloat) -> float:
    if isinstance(value, str | bytes):
        raise TypeError(f"{name} is {value[:80]!r}, and only numbers can be reported.")
    item = getattr(value, "item", None)  # of arrays and tensors, which not all become a number by float()
    try:
        return float(item() if callable(item) else value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise TypeError(
            f"{name} is {type(value).__name__}, which is no number that can be reported: {error}."
        ) from error


def _say(sentence: str) -> None:
    if sentence not in _said:
        _said.add(sentence)
        print(sentence, file=sys.stderr)
