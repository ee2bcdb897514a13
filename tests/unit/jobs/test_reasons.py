"""Reasons say what one can do about them."""

from services.jobs.domain.reasons import expired


def test_a_job_that_is_only_there_to_be_entered_has_not_run_too_long() -> None:
    assert expired(60).message == "It ran past its time limit of 60 s. Submit it with a higher max_duration_s."
    said = expired(60, has_command=False).message
    assert said == (
        "It was open for its time limit of 60 s, and has no command of its own. Submit another with a higher one."
    )
