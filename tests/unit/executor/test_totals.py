"""What a supervisor says of its run's use in the end, and what the executor makes of it."""

from pathlib import Path

from services.executor.backends.process.usage import totals
from services.executor.backends.process.usage.group import Group
from services.executor.backends.process.usage.meter import totals_of
from services.executor.backends.process.usage.network import Traffic
from services.executor.domain.reading import Reading

END = {"ended_at": "7"}


def test_what_was_written_is_what_is_read() -> None:
    start = totals.at_start()
    read = totals_of(END | totals.at_end(start, Group()))
    assert (read.at_ns, read.network_scope, read.memory_bytes, read.pids) == (7, "host", None, ())
    assert (read.cpu_ns or 0) > 0
    assert None not in (read.read_bytes, read.write_bytes, read.receive_bytes, read.transmit_bytes)


def test_of_the_groups_processor_time_and_what_was_reaped_the_larger_one_is_taken(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 0\n")
    left = totals_of(END | totals.at_end({}, Group(unified=str(tmp_path))))
    assert (left.cpu_ns or 0) > 0, "it has left its group"
    (tmp_path / "cpu.stat").write_text(f"usage_usec {10**12}\n")
    assert totals_of(END | totals.at_end({}, Group(unified=str(tmp_path)))).cpu_ns == 10**15


def test_an_older_supervisor_said_nothing_of_it() -> None:
    assert totals_of(END) == Reading(at_ns=7)
    assert "network_scope" not in totals.at_end({}, Group())


def test_a_run_has_what_the_host_carried_since_its_start() -> None:
    start = {totals.HOST_RECEIVED: "100", totals.HOST_SENT: "40"}
    assert totals.since(start, Traffic(150, 41)) == Traffic(50, 1)
    assert totals.since(start, Traffic(7, 50)) == Traffic(0, 10), "an interface has gone, and its figures with it"
    assert totals.since(start, None) is None
    assert totals.since({}, Traffic(150, 41)) is None
