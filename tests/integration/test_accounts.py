"""Every service on its own NATS account (deploy/nats): all of it works, and none may do what is another's."""

import asyncio
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import nats
import pytest
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig

from docs.tools.accounts import ASKS, OF_TOOLS
from docs.tools.contracts import FACTS
from docs.tools.messages import SERVICES, place_of
from shared.bus.bus import connect
from shared.bus.subscriptions import Answers
from shared.contracts import subjects
from shared.contracts.commands.checkpoints import CHECKPOINTS, GetCheckpoints
from shared.contracts.commands.every import COMMANDS
from shared.contracts.commands.jobs import ACTIVE, ListActiveJobs
from shared.ids import new_id
from tests.support.accounts import AccountsServer, denied
from tests.support.admin import admin, done
from tests.support.ledger import Ledger
from tests.support.platform import CHECKOUT
from tests.support.separate import REPLICATED, SeparateServices, separate_services
from tests.support.waiting import wait_until

JOB = new_id()
USERS = (*ASKS, "subscriber")
PLACED = {one.command for those in SERVICES.values() for one in those if isinstance(one, Answers) and place_of(one)}


@pytest.fixture(scope="module")
def server() -> Iterator[AccountsServer]:
    with AccountsServer() as running:
        yield running


@pytest.fixture(scope="module")
def yard(server: AccountsServer) -> Iterator[SeparateServices]:
    with separate_services(
        REPLICATED, nats=server, JOBYARD_EXECUTOR_SIMULATE="v100=4", JOBYARD_SCHEDULER_SAMPLE_S="1"
    ) as running:
        yield running


def refused(server: AccountsServer, user: str, *publish: str, subscribe: tuple[tuple[str, str], ...] = ()) -> set[str]:
    return asyncio.run(denied(server.url_of(user), list(publish), list(subscribe)))


def test_jobs_run_are_paused_shown_and_killed_by_services_with_accounts(yard: SeparateServices, tmp_path: Path) -> None:
    go = tmp_path / "go"
    command = f"echo begun; while [ ! -e {go} ]; do sleep 0.05; done; echo ended"
    id = yard.submit(command, cpus=0.05, device_type="v100", devices=1)
    yard.wait(id, "running")
    wait_until(lambda: yard.lines(id) == ["begun"], "its console is there")
    yard.call("POST", f"/jobs/{id}/pause")
    yard.wait(id, "paused")
    yard.call("PATCH", f"/jobs/{id}", json={"priority": 900})
    yard.call("POST", f"/jobs/{id}/resume")
    yard.wait(id, "running")
    with yard.http.stream("GET", f"/api/v1/jobs/{id}/logs/follow", headers=yard.headers()) as console:
        go.touch()
        assert "ended" in "".join(console.iter_text())
    assert yard.wait(id)["status"] == "finished"
    whole = yard.http.get(f"/api/v1/jobs/{id}/logs/download", headers=yard.headers())
    assert whole.text == "begun\nended\n"
    with yard.http.stream("GET", "/api/v1/events", headers=yard.headers() | {"Last-Event-ID": "0"}) as feed:
        assert any(id in line for line in feed.iter_lines())
    waits = yard.submit("true", cpus=0.05, device_type="none-such", devices=1)
    wait_until(lambda: yard.job(waits)["reason"]["code"] == "no_such_device", "the scheduler explains")
    yard.call("POST", f"/jobs/{waits}/kill")
    yard.wait(waits, "killed")


def test_the_yard_is_shown_and_its_history_and_what_a_submission_may_say(yard: SeparateServices) -> None:
    wait_until(lambda: yard.call("GET", "/cluster/history")["series"], "samples have come")
    assert len(yard.call("GET", "/cluster", 200)["nodes"]) == 2
    options = yard.call("GET", "/submit-options", 200)
    assert options["device_types"]
    assert options["notify"]["kinds"] == ["mailto", "https"]


def test_nothing_that_a_service_does_is_denied(yard: SeparateServices, tmp_path: Path) -> None:
    """Also not while each is killed and started again, under load, and after the broker was."""
    ledger = Ledger(yard, tmp_path / "marks")
    with ledger.under_load(threads=2, pause=0.5):
        for service in REPLICATED:
            yard.kill_service(service)
            yard.start_service(service)
            wait_until(lambda name=service: yard.is_up(name), f"{service} is back")  # type: ignore[misc]
        yard.nats.restart()
    wait_until(yard.is_ready, "all are ready again")
    ledger.settle()
    ledger.check()
    assert "permissions violation" not in yard.output().lower()
    assert "nats_denied" not in yard.output()


@pytest.mark.parametrize("user", USERS)
def test_a_command_is_asked_only_by_who_needs_it(server: AccountsServer, user: str) -> None:
    every = {command.subject + (".x" if command in PLACED else ""): command for command in COMMANDS}
    may = {command.subject for command in ASKS.get(user, ())}
    expected = {subject for subject, command in every.items() if command.subject not in may}
    assert refused(server, user, *every) == expected


@pytest.mark.parametrize("user", USERS)
def test_a_fact_is_published_only_by_its_owner(server: AccountsServer, user: str) -> None:
    every = {f"evt.{fact.noun}.{fact.model.fact}.v1.default.{JOB}": fact.owner for fact in FACTS}
    assert refused(server, user, *every) == {subject for subject, owner in every.items() if owner != user}


def test_an_operator_is_answered_all_that_the_tools_ask(yard: SeparateServices, server: AccountsServer) -> None:
    """Also by the executor: one that seemed silent could be forgotten while it lives."""

    async def asked() -> None:
        async with connect(server.url_of("operator"), "test") as bus:
            await bus.ask(ACTIVE, ListActiveJobs(node="node-2"))
            await bus.ask(CHECKPOINTS.at("node-2"), GetCheckpoints(runs=()))

    asyncio.run(asked())
    assert set(OF_TOOLS["operator"]) == {ACTIVE, CHECKPOINTS}
    gone = done("node", "forget", "nobody", "--yes", JOBYARD_NATS_URL=server.url_of("operator"))
    assert "Nothing was told of nobody" in gone
    refused = admin("node", "forget", "node-2", "--yes", JOBYARD_NATS_URL=server.url_of("operator"))
    assert "node-2 reports" in refused.stderr


WRITES = {"submit", "pause", "resume", "kill", "set_priority", "lead", "place"}
"""The verbs that change jobs, written down by hand: the tables may be wrong."""


@pytest.mark.parametrize(
    ("user", "may"),
    [
        ("jobs", set()),
        ("logs", set()),
        ("metrics", set()),
        ("executor", set()),
        ("scheduler", {"lead", "place"}),
        ("gateway", WRITES - {"lead", "place"}),
        ("subscriber", set()),
    ],
)
def test_jobs_are_changed_only_on_the_word_of_gateway_and_scheduler(
    server: AccountsServer, user: str, may: set[str]
) -> None:
    facts = {f"evt.job.{fact}.v1.default.{JOB}" for fact in ("submitted", "scheduled", "finished", "killed")}
    commands = {f"cmd.jobs.{verb}.v1": verb for verb in WRITES}
    expected = {subject for subject, verb in commands.items() if verb not in may} | (set() if user == "jobs" else facts)
    assert refused(server, user, *facts, *commands) == expected


@pytest.mark.parametrize("user", USERS)
def test_nobody_reaches_past_its_own(server: AccountsServer, user: str) -> None:
    publish = [
        "$JS.API.STREAM.DELETE.EVENTS",
        "$JS.API.STREAM.PURGE.EVENTS",
        "$JS.API.STREAM.MSG.DELETE.EVENTS",
        "$JS.API.STREAM.CREATE.MINE",
        "$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.mine",
        "$JS.API.CONSUMER.CREATE.EVENTS",
        "$JS.API.CONSUMER.CREATE.DEADLETTERS.mine",
        "$SYS.REQ.SERVER.PING",
        "_INBOX.somebody.x",
        f"cmd.jobs.nothing.v1.{JOB}",
    ]
    if user != "jobs":
        publish += [
            "$JS.API.STREAM.UPDATE.EVENTS",
            "$JS.API.CONSUMER.DELETE.EVENTS.jobs",
            "$JS.API.CONSUMER.CREATE.EVENTS.jobs.evt.job.>",
            "$JS.API.CONSUMER.MSG.NEXT.EVENTS.jobs",
            "$JS.ACK.EVENTS.jobs.1.1.1.1.1",
        ]
    if user != "scheduler":
        publish.append(subjects.CLUSTER_SAMPLES)
    if user != "executor":
        publish += [subjects.log(JOB), subjects.sample(JOB, 0), f"$KV.{subjects.NODES}.mine"]
    everything = (">", "cmd.>", "_INBOX.>", "log.>", "metric.>", "cluster.>", "$KV.>", "$JS.>", "dead.>")
    subscribe = [(subject, "") for subject in everything]
    subscribe += [(command.subject, "") for command in COMMANDS]
    subscribe += [(f"_INBOX.{other}.>", "") for other in USERS if other != user]
    assert refused(server, user, *publish, subscribe=tuple(subscribe)) == {*publish, *(one for one, _ in subscribe)}


@pytest.mark.parametrize(
    ("user", "stream", "subject"),
    [
        ("jobs", "EVENTS", "evt.job.>"),
        ("jobs", "LOGS", "log.>"),
        ("jobs", "METRICS", "metric.>"),
        ("scheduler", "EVENTS", "evt.run.>"),
        ("scheduler", "LOGS", "log.>"),
        ("scheduler", "CLUSTER", "cluster.sample"),
        ("gateway", "CLUSTER", "cluster.sample"),
        ("executor", "EVENTS", "evt.run.>"),
        ("executor", "LOGS", "log.>"),
        ("executor", "METRICS", "metric.>"),
        ("logs", "EVENTS", "evt.>"),
        ("logs", "METRICS", "metric.>"),
        ("metrics", "LOGS", "log.>"),
        ("subscriber", "LOGS", "log.>"),
        ("subscriber", "DEADLETTERS", "dead.>"),
    ],
)
def test_what_is_not_its_own_cannot_be_read_from_a_stream(
    yard: SeparateServices, server: AccountsServer, user: str, stream: str, subject: str
) -> None:
    async def consumers() -> int:
        refusals: list[str] = []

        async def on_error(error: Exception) -> None:
            refusals.append(str(error))

        prefix = f"_INBOX.{user}".encode()
        connection = await nats.connect(server.url_of(user), error_cb=on_error, inbox_prefix=prefix)
        js = connection.jetstream(timeout=0.5)
        made = 0
        for name in (user, "mine"):
            for filters in ({"filter_subject": subject}, {"filter_subjects": [subject, "x"]}):
                try:
                    await js.add_consumer(stream, ConsumerConfig(name=name, **filters))
                    made += 1
                except (TimeoutError, NatsError):
                    continue
        assert refusals
        await connection.close()
        return made

    assert asyncio.run(consumers()) == 0


@contextmanager
def subscribed(url: str, *options: str) -> Iterator[Iterable[str]]:
    """The example's own process; the lines that it prints."""
    program = CHECKOUT / "examples" / "subscriber" / "subscribe.py"
    process = subprocess.Popen(
        [sys.executable, str(program), url, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    with closing(process.stdout), closing(process.stderr):
        try:
            assert "kinds of events are described" in process.stderr.readline()
            assert process.stderr.readline().strip() in ("reading the stream", "listening")
            yield process.stdout
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("options", [(), ("--plain",)])
def test_the_example_prints_what_happens_to_jobs(
    yard: SeparateServices, server: AccountsServer, options: tuple[str, ...]
) -> None:
    with subscribed(server.url_of("subscriber"), *options) as printed:
        id = yard.submit("true", name="watched", cpus=0.05)
        kinds = []
        for line in printed:
            assert not line.startswith("?") or JOB in line, line  # the tests above had to publish something
            if id in line:
                kinds.append(line.split()[1])
            if kinds and kinds[-1] == "JobFinished":
                break
    seen = list(dict.fromkeys(kind for kind in kinds if kind.startswith("Job")))
    assert seen == ["JobSubmitted", "JobScheduled", "JobStarted", "JobFinished"]
