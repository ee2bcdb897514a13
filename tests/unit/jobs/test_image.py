"""An image that is not used stands in the job's history, from the moment that it starts."""

import pytest

from services.jobs.domain.signals import Place
from tests.support.documents import ALLOCATION, after, exited, queued, started


@pytest.mark.parametrize(
    ("image", "uses_images", "code"),
    [
        ("python:3.12", False, "image_not_used"),
        ("python:3.12", True, None),
        ("python:3.12", None, None),
        (None, False, None),
    ],
)
def test_a_start_without_the_image_that_was_asked_for_says_so(
    image: str | None, uses_images: bool | None, code: str | None
) -> None:
    start = started().model_copy(update={"uses_images": uses_images})
    job = after(queued(image=image), Place(ALLOCATION), start)
    reason = job.state.reason
    assert (reason.code if reason else None) == code
    if reason is not None:
        assert reason.message == "Node node-1 runs jobs on the host itself: the image python:3.12 is not used."
        assert job.history[-1].state.reason == reason
    done = after(job, exited())
    assert done.state.reason is not None and done.state.reason.code == "finished"
