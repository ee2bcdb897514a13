"""What traces tell of the wait in the queue: from the event that made a job wait to the command that places it."""

from shared import tracing
from shared.contracts.commands.scheduling import Place
from shared.contracts.events import CloudEvent, JobEvent
from shared.contracts.job import JobStatus

REMEMBERED = 10_000
"""Jobs whose wait is followed at one time; of more, the one that has waited longest is let go."""


class Waits:
    """Every replica follows the waits, and the leader ends them; nothing is kept while traces are off."""

    def __init__(self) -> None:
        self._steps: dict[str, tracing.Span] = {}

    def heard(self, event: CloudEvent[JobEvent]) -> None:
        """A job waits, or does not any more."""
        if not tracing.are_on():
            return
        job = event.data.job
        self._steps.pop(job.id, None)
        if event.traceparent is not None and job.state.status is JobStatus.QUEUED:
            self._steps[job.id] = tracing.begin("scheduler", "job placed", event.traceparent, "consumer", job_id=job.id)
            if len(self._steps) > REMEMBERED:
                del self._steps[next(iter(self._steps))]

    def over(self, command: Place) -> Place:
        """The command with the steps that led to its placements, which end here."""
        if not self._steps:
            return command
        steps = [self._steps.pop(placement.id, tracing.NOTHING) for placement in command.placements]
        for step in steps:
            step.end()
        placements = tuple(
            placement.model_copy(update={"traceparent": step.traceparent})
            for placement, step in zip(command.placements, steps, strict=True)
        )
        return command.model_copy(update={"placements": placements})
