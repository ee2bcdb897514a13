"""What a supervisor says of its run's use in the end, and what the executor makes of it."""

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


def test_an_older_supervisor_said_nothing_of_it() -> None:
    assert totals_of(END) == Reading(at_ns=7)
    assert "network_scope" not in totals.at_end({}, Group())


def test_a_run_has_what_the_host_carried_since_its_start() -> None:
    start = {totals.HOST_RECEIVED: "100", totals.HOST_SENT: "40"}
    assert totals.since(start, Traffic(150, 41)) == Traffic(50, 1)
    assert totals.since(start, Traffic(7, 50)) == Traffic(0, 10), "an interface has gone, and its figures with it"
    assert totals.since(start, None) is None
    assert totals.since({}, Traffic(150, 41)) is None
