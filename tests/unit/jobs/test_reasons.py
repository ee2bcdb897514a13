"""Reasons say what one can do about them."""

import pytest

from services.jobs.domain.reasons import expired
from shared.contracts.job import JobStatus
from tests.support.documents import after, exited, in_status, refused


def test_a_job_that_is_only_there_to_be_entered_has_not_run_too_long() -> None:
    assert expired(60).message == "It ran past its time limit of 60 s. Submit it with a higher max_duration_s."
    said = expired(60, has_command=False).message
    assert said == (
        "It was open for its time limit of 60 s, and has no command of its own. Submit another with a higher one."
    )


@pytest.mark.parametrize(("retries", "code"), [(0, "command_failed"), (1, "retrying")])
def test_of_several_ranks_the_one_that_failed_first_is_named_with_its_node(retries: int, code: str) -> None:
    ended = exited(3).model_copy(update={"rank": 1, "node": "node-7"})
    reason = after(in_status(JobStatus.RUNNING, nodes=2, retries=retries), ended).state.reason
    assert reason is not None
    assert (reason.code, reason.message.startswith("Rank 1 on node node-7 ended with exit code 3")) == (code, True)
    assert (reason.details["rank"], reason.details["node"], reason.details["exit_code"]) == (1, "node-7", 3)


def test_a_job_of_one_rank_names_none() -> None:
    reason = after(in_status(JobStatus.RUNNING), exited(3)).state.reason
    assert reason is not None
    assert reason.message.startswith("The command ended with exit code 3.")
    assert "rank" not in reason.details


def test_what_ranks_wrote_before_another_was_refused_keeps_its_numbers() -> None:
    busy = refused(busy=True).model_copy(update={"log_lines": 7})
    assert after(in_status(JobStatus.SCHEDULING), busy).state.log_lines == 7
