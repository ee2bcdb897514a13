"""What a job has said last under each name, over all of its attempts, in whatever order they are told.

A name that a later attempt does not use keeps what an earlier one said. What is no number takes the place of the number
before: a loss that has diverged must not show its last good value.
"""

from collections.abc import Collection, Mapping

from shared.contracts.base import Attempt as AttemptNumber
from shared.contracts.base import Contract
from shared.contracts.metrics import REPORTED_NAMES


class Report(Contract):
    """The last value of a name, and the attempt that said it. None: it is no number."""

    value: float | None = None
    attempt: AttemptNumber


Reports = Mapping[str, Report]


def said_by(attempt: int, reported: Mapping[str, float], not_finite: Collection[str]) -> Reports:
    """What an attempt has said last."""
    numbers = {name: Report(value=value, attempt=attempt) for name, value in reported.items()}
    return numbers | {name: Report(attempt=attempt) for name in not_finite}


def merged(reports: Reports, more: Reports) -> dict[str, Report]:
    """Of each name what the newest attempt said; of too many names those that were used by the newest attempts."""
    every = dict(reports)
    for name, report in more.items():
        if name not in every or report.attempt >= every[name].attempt:
            every[name] = report
    if len(every) > REPORTED_NAMES:
        newest = sorted(every, key=lambda name: (-every[name].attempt, name))[:REPORTED_NAMES]
        every = {name: every[name] for name in newest}
    return every


def numbers(reports: Reports) -> dict[str, float]:
    """The values that are numbers."""
    return {name: report.value for name, report in reports.items() if report.value is not None}


def not_numbers(reports: Reports) -> tuple[str, ...]:
    """The names of the others."""
    return tuple(sorted(name for name, report in reports.items() if report.value is None))
