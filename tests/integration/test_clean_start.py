"""A first start and a stop with nothing wrong say nothing that sounds as if there were."""

import json

from tests.support.platform import platform

NORMAL = ("streams_away", "nats_disconnected")
"""What happens at every start, as the parts wait for one another, and at every stop."""


def test_what_is_normal_at_a_start_and_a_stop_is_no_warning() -> None:
    with platform(JOBYARD_LOG_LEVEL="info") as yard:
        assert yard.call("GET", "/me", 200)["name"] == "admin"
        assert yard.stop() == 0
        lines = [json.loads(line) for line in yard.output().splitlines() if line.startswith("{")]
        yard.start()
    assert "ready" in {line["event"] for line in lines}, "it is the log"
    loud = [line for line in lines if line["level"] not in ("debug", "info")]
    assert [line for line in loud if line["event"].endswith(NORMAL)] == []
