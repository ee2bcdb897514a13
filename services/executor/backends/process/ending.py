"""How a run ended, from what its supervisor has concluded."""

from services.executor.backends.process.marks import Facts
from services.executor.backends.process.usage.meter import totals_of
from services.executor.domain.observation import Ended, Lost
from shared.contracts.job import Reason

STOPPED_BY_OTHERS = Reason(
    code="stopped_from_outside",
    message="Somebody other than Jobyard told the run to stop, for instance as the machine was shut down.",
)


def ended(facts: Facts, asked: bool) -> Ended | Lost:
    """`asked`: whether the platform wanted it to stop. Raises KeyError or ValueError for what no supervisor wrote."""
    stopped = facts["stopped"] == "True"
    if stopped and not asked:
        return Lost(STOPPED_BY_OTHERS)
    return Ended(
        started_ns=int(facts["started_at"]),
        ended_ns=int(facts["ended_at"]),
        exit_code=int(facts["exit_code"]),
        signal=facts["signal"] or None,
        stopped=stopped,
        forced=facts["forced"] == "True",
        output_bytes=int(facts["output_bytes"]),
        totals=totals_of(facts),
    )
