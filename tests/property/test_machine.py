"""Any story that signals can tell: versions are contiguous, an end is an end, devices are held when a run may live."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.jobs.domain.document import JobDocument, events_after
from services.jobs.domain.machine import InvalidTransition, decide
from services.jobs.domain.signals import Expired, Expiring, Kill, Pause, Place, Preempt, Resume, SetPriority, Signal
from shared.contracts.job import HOLDING, TERMINAL, JobStatus
from tests.support.documents import ADA, ALLOCATION, NOW, WHY, exited, lost, queued, refused, started, stopped

ATTEMPTS = st.integers(1, 4)


class JobStory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.job: JobDocument = queued(retries=2, max_duration_s=100)
        self.end: JobStatus | None = None
        self.now = NOW
        self.refused: set[int] = set()

    def tell(self, signal: Signal) -> None:
        before = self.job
        self.now += timedelta(seconds=1)
        try:
            self.job = decide(before, signal, ADA, None, self.now)
        except InvalidTransition:
            assert self.job is before
        if self.job is not before:
            assert self.end is None, "a terminal status has changed"
            assert self.job.history[: len(before.history)] == before.history
        if self.job.status in TERMINAL:
            self.end = self.job.status

    @rule(
        signal=st.sampled_from(
            [
                Place(ALLOCATION),
                Preempt(WHY),
                Pause(),
                Resume(),
                Kill(),
                Expiring(),
                Expired(),
                SetPriority(5),
                SetPriority(9),
            ]
        )
    )
    def command(self, signal: Signal) -> None:
        self.tell(signal)

    @rule(attempt=ATTEMPTS, make=st.sampled_from([started, stopped, lost]))
    def run_news(self, attempt: int, make: object) -> None:
        self.tell(make(attempt))  # type: ignore[operator]

    @rule(attempt=ATTEMPTS, code=st.sampled_from([0, 1, 137]))
    def run_exited(self, attempt: int, code: int) -> None:
        self.tell(exited(code, attempt))

    @rule(attempt=ATTEMPTS, busy=st.booleans())
    def run_refused(self, attempt: int, busy: bool) -> None:
        self.refused.add(attempt)
        self.tell(refused(busy, attempt))

    @invariant()
    def history_is_contiguous(self) -> None:
        assert [entry.version for entry in self.job.history] == list(range(1, self.job.version + 1))
        assert self.job.history[-1].state == self.job.state
        assert self.job.over == (self.job.status in TERMINAL)

    @invariant()
    def an_attempt_that_had_started_says_once_what_it_used(self) -> None:
        told = [entry.state.attempt for entry in self.job.history if "usage" in entry.facts]
        began = {entry.state.attempt for entry in self.job.history if entry.fact == "started"}
        under_way = {self.job.state.attempt} if self.job.status in HOLDING else set()
        assert len(told) == len(set(told))
        assert began - under_way - self.refused <= set(told)
        assert not under_way & set(told)

    @invariant()
    def devices_are_held_while_a_run_may_live(self) -> None:
        assert (self.job.state.allocation is not None) == (self.job.status in HOLDING)
        assert (self.job.state.then is not None) == (self.job.status in (JobStatus.PAUSING, JobStatus.KILLING))
        assert (self.job.state.finished_at is not None) == self.job.over

    @invariant()
    def something_is_due_while_it_runs_and_only_then(self) -> None:
        assert (self.job.state.due_at is not None) == (self.job.status is JobStatus.RUNNING)

    @invariant()
    def every_stop_of_a_run_leaves_a_receipt(self) -> None:
        for _, event in events_after(self.job, 0):
            if event.type.split(".")[3] in ("paused", "preempted"):
                assert event.data.receipt is not None
                assert event.data.receipt.minutes_lost >= 0

    @invariant()
    def attempts_only_rise(self) -> None:
        attempts = [entry.state.attempt for entry in self.job.history]
        assert attempts == sorted(attempts)
        assert len(events_after(self.job, 0)) == self.job.version


JobStory.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestJobStory = JobStory.TestCase
