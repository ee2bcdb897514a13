"""The record of a run: what a backend saw, in its light, and what it holds of the node."""

import pytest

from services.executor.domain.admission import Claim
from services.executor.domain.observation import NODE_RESTARTED, Cancelled, Lost, Observation, Started, Waiting
from services.executor.domain.record import RunRecord, judged, rank_id, rank_of, run_id
from shared.contracts.job import Reason, Share
from tests.support.executor import BOOT, ID, NOW, record_of

SHARES = (Share(node="node-1", devices=(1, 2)), Share(node="node-2", rank=1, devices=(0, 1)))
GONE = Reason(code="record_lost", message="The node has no record of the run.")


def test_a_run_is_named_by_job_and_attempt() -> None:
    assert run_id(ID, 3) == f"{ID}.3"


def test_a_record_holds_what_its_run_takes() -> None:
    record = record_of(shares=SHARES, device_type="v100", cpus=2.5, memory_mib=64)
    assert record.claims == (Claim("node-1", "v100", (1, 2), 2.5, 64), Claim("node-2", "v100", (0, 1), 2.5, 64))


def test_each_rank_of_a_run_has_a_name_and_the_first_one_has_the_runs_own() -> None:
    record = record_of(shares=SHARES)
    assert record.ranks == (f"{ID}.1", f"{ID}.1-1")
    assert [(member.id, member.rank, member.devices) for member in record.members] == [
        (f"{ID}.1", 0, (1, 2)),
        (f"{ID}.1-1", 1, (0, 1)),
    ]


@pytest.mark.parametrize("rank", [0, 1, 17])
def test_the_name_of_a_rank_says_whose_it_is(rank: int) -> None:
    assert rank_of(rank_id(f"{ID}.3", rank)) == (f"{ID}.3", rank)


def test_a_record_comes_back_as_it_was_stored() -> None:
    record = record_of(kind="refused", busy=True, reason=GONE, shares=SHARES, correlation_id="c")
    assert RunRecord.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("seen", [Waiting(), Started(1, 2), Cancelled(3), Lost(GONE)])
def test_on_the_same_boot_the_backend_has_the_word(seen: Observation) -> None:
    assert judged(record_of(), seen, BOOT) == seen


def test_what_had_not_started_before_the_machine_restarted_is_lost() -> None:
    assert judged(record_of(boot_id="before"), Waiting(), BOOT) == Lost(NODE_RESTARTED)


def test_what_had_started_is_for_the_backend_to_judge_also_after_a_restart() -> None:
    assert judged(record_of(boot_id="before"), Started(1, 2), BOOT) == Started(1, 2)


def test_a_tombstone_says_what_it_says_whatever_is_seen() -> None:
    at_ns = int(NOW.timestamp()) * 1_000_000_000
    assert judged(record_of(kind="stopped", boot_id="before"), Waiting(), BOOT) == Cancelled(at_ns)
    assert judged(record_of(kind="lost", reason=GONE, boot_id="before"), Waiting(), BOOT) == Lost(GONE)
