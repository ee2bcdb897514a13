"""An end has its moments, its code and its signal, and says what the run went beyond."""

import pytest

from services.executor.domain.pod_names import MEMORY_UNASKED
from services.executor.domain.pod_states import Taken
from tests.support.kubernetes.pod_documents import START_NS, ended, judged, over, pod


@pytest.mark.parametrize(
    ("code", "signal"),
    [(0, None), (3, None), (255, None), (145, None), (137, "SIGKILL"), (143, "SIGTERM"), (159, "SIGSYS")],
)
def test_an_end_has_its_code_and_its_signal(code: int, signal: str | None) -> None:
    found = over(pod(ended(code, "exited\n")))
    assert (found.exit_code, found.signal, found.reason) == (code, signal, None)
    assert not found.stopped and not found.forced
    assert (found.started_ns, found.ended_ns) == (START_NS, START_NS + 9_000_000_000)


def test_out_of_memory_is_said_only_of_an_end_that_failed() -> None:
    killed = over(pod(ended(137, "", "OOMKilled")))
    assert killed.reason is not None
    assert killed.reason.code == "oom_killed"
    assert "512Mi" in killed.reason.message
    assert over(pod(ended(0, "exited\n", "OOMKilled"))).reason is None, "a child was killed, and the run coped"


def test_whoever_asked_for_no_memory_is_told_whose_limit_it_was() -> None:
    document = pod(ended(137, "", "OOMKilled"))
    asked = over(document).reason
    document["metadata"]["annotations"][MEMORY_UNASKED] = "true"
    unasked = over(document).reason
    assert asked is not None and unasked is not None
    assert "than the 512Mi that the job asked for" in asked.message
    assert "than the 512Mi that a job has here which asks for none" in unasked.message
    assert unasked.message.endswith("Ask for memory_mib.")


@pytest.mark.parametrize(("exit_code", "told"), [(143, 143), (0, 137)])
@pytest.mark.parametrize(
    "message",
    [
        "Pod ephemeral local storage usage exceeds the total limit of containers 20Mi. ",
        'Container job exceeded its local ephemeral storage limit "20Mi". ',
        'Usage of EmptyDir volume "tmp" exceeds the limit "10Mi". ',
    ],
)
def test_who_was_evicted_for_what_itself_has_written_has_failed(message: str, exit_code: int, told: int) -> None:
    how = ended(exit_code, "stopping\nexited\ntold\n")
    document = pod(how, phase="Failed", reason="Evicted", message=message)
    found = over(document)
    assert (found.exit_code, found.stopped) == (told, False)
    assert found.reason is not None
    assert (found.reason.code, message.strip() in found.reason.message) == ("disk_exceeded", True)
    assert over(document, asked=True).stopped
    document["status"]["containerStatuses"] = []
    assert isinstance(judged(document), Taken)
