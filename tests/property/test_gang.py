"""The ranks of a run, seen in any order: one outcome, never while a rank lives, and who failed first is its reason."""

from hypothesis import given
from hypothesis import strategies as st

from services.executor.domain.gang import Verdict, failed_first, joined
from services.executor.domain.observation import (
    Cancelled,
    Ended,
    Live,
    Lost,
    Observation,
    Refused,
    Started,
    Waiting,
)
from services.executor.run import Run
from shared.contracts.job import Reason, Share
from tests.support.executor import NODE, record_of

Lives = list[tuple[Observation, ...]]
WHY = Reason(code="supervisor_gone", message="Gone.")


def ended(started_ns: int, lasted_ns: int, exit_code: int, stopped: bool) -> Ended:
    return Ended(started_ns, started_ns + lasted_ns, exit_code, None, stopped, forced=False, output_bytes=1)


STARTS = st.integers(1, 5)
ENDED = st.builds(ended, STARTS, st.integers(0, 9), st.sampled_from([0, 0, 1, 7]), st.booleans())
OVER: st.SearchStrategy[Observation] = st.one_of(
    ENDED,
    ENDED,
    ENDED,
    st.builds(Cancelled, STARTS),
    st.just(Lost(WHY)),
    st.builds(Refused, st.just(WHY), st.booleans(), st.booleans()),
)


@st.composite
def lives(draw: st.DrawFn) -> Lives:
    """What becomes of each rank, one thing after the other; no rank starts that never did."""
    found: Lives = []
    for over in draw(st.lists(OVER, min_size=2, max_size=5)):
        if isinstance(over, Ended):
            found.append((Started(over.started_ns), over))
        elif isinstance(over, Lost) and draw(st.booleans()):
            found.append((Started(draw(STARTS)), over))
        else:
            found.append((over,))
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Lives, list[int], int | None]:
    """What becomes of the ranks, in which order that is seen, and when the platform asks for the end."""
    found = draw(lives())
    ranks = [rank for rank, life in enumerate(found) for _ in life]
    return found, draw(st.permutations(ranks)), draw(st.none() | st.integers(0, len(ranks)))


def run_of(ranks: int) -> Run:
    return Run(record_of(shares=tuple(Share(node=NODE, rank=rank) for rank in range(ranks))))


def played(case: tuple[Lives, list[int], int | None]) -> tuple[Run, list[Observation]]:
    """A run that has seen all of that, and its outcomes. Who began its end is decided as soon as that can be."""
    found, order, asked_after = case
    run, outcomes = run_of(len(found)), list[Observation]()
    left = [list(life) for life in found]
    for number, rank in enumerate(order):
        if number == asked_after and run.verdict is None and run.lives:
            run.rule(Verdict(id=run.record.id, rank=run.failed))
        run.advance(run.record.ranks[rank], left[rank].pop(0))
        if run.is_ending and run.verdict is None:
            run.rule(Verdict(id=run.record.id, rank=run.failed))
        if not run.lives:
            assert not run.living
            outcomes.append(run.seen)
    return run, outcomes


@given(cases())
def test_there_is_one_outcome_and_none_while_a_rank_lives(case: tuple[Lives, list[int], int | None]) -> None:
    run, outcomes = played(case)
    assert len(outcomes) == 1
    assert not run.advance(run.record.ranks[0], Lost(WHY))
    assert run.seen == outcomes[0]


@given(cases())
def test_the_next_process_finds_the_same_outcome_whatever_the_one_before_saw_first(
    case: tuple[Lives, list[int], int | None],
) -> None:
    first, _ = played(case)
    ranks = {id: life[-1] for id, life in zip(first.record.ranks, case[0], strict=True)}
    again = Run(first.record, ranks, verdict=first.verdict)
    assert (again.seen, again.decided_by) == (first.seen, first.decided_by)


@given(cases())
def test_whoever_was_seen_to_fail_first_is_the_reason_unless_one_was_lost_or_refused(
    case: tuple[Lives, list[int], int | None],
) -> None:
    found, order, _ = case
    run, _ = played((found, order, None))
    outcomes = [life[-1] for life in found]
    ends = [rank for number, rank in enumerate(order) if rank not in order[number + 1 :]]
    failed = [rank for rank in ends if isinstance(how := outcomes[rank], Ended) and how.exit_code and not how.stopped]
    for kind in (Lost, Refused):
        if gone := [rank for rank, over in enumerate(outcomes) if isinstance(over, kind)]:
            assert isinstance(run.seen, kind)
            assert run.decided_by in gone
            return
    assert run.decided_by == (failed[0] if failed else None)
    if failed:
        how = outcomes[failed[0]]
        assert isinstance(run.seen, Ended) and isinstance(how, Ended)
        assert (run.seen.exit_code, run.seen.stopped) == (how.exit_code, False)


@given(lives())
def test_what_breaks_after_the_platform_has_asked_for_the_end_is_no_failure(found: Lives) -> None:
    """Such as a rank whose peer was told to stop a moment earlier, and has left it."""
    ranks = [life[-1] for life in found]
    seen = joined(ranks, Verdict(id="01.1", rank=None)).seen
    stopped = any(isinstance(rank, Cancelled) or (isinstance(rank, Ended) and rank.stopped) for rank in ranks)
    if stopped and not any(isinstance(rank, Lost | Refused) for rank in ranks):
        assert isinstance(seen, Cancelled) or (isinstance(seen, Ended) and seen.stopped)


@given(st.lists(st.sampled_from([Waiting(), Started(1), Started(4), ended(1, 1, 0, False)]), min_size=2))
def test_a_run_has_started_when_every_rank_has(ranks: list[Observation]) -> None:
    seen = joined(ranks).seen
    if any(isinstance(rank, Waiting) for rank in ranks):
        assert seen == Waiting()
    elif any(isinstance(rank, Live) for rank in ranks):
        started = [rank.started_ns for rank in ranks if isinstance(rank, Started | Ended)]
        assert isinstance(seen, Started)
        assert seen.started_ns == max(started)
    else:
        assert isinstance(seen, Ended)
        assert (seen.exit_code, seen.stopped) == (0, False)


def test_of_ranks_that_failed_at_different_times_the_earlier_is_the_first_also_when_both_are_found_at_once() -> None:
    assert failed_first([ended(1, 9, 1, False), ended(1, 3, 2, False)]) == 1
    assert failed_first([ended(1, 9, 0, False), ended(1, 3, 15, True)]) is None


def test_a_lost_rank_is_the_reason_although_another_was_seen_to_fail_before() -> None:
    ranks: list[Observation] = [ended(1, 1, 1, False), Lost(WHY)]
    assert failed_first(ranks) == 1
    assert joined(ranks, Verdict(id="01.1", rank=0)).rank == 1
