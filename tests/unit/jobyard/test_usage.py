"""`jobyard usage` and `Client.usage`: what they ask for, and what they print."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jobyard import Client, Forbidden
from jobyard.cli.app import app
from jobyard.cli.times import precise
from jobyard.cli.usage import hours
from jobyard.models import UsageGroup
from tests.support.api_answers import JOB_ID, job_event
from tests.support.scripted_server import Answer, ScriptedServer, problem

USAGE = "/api/v1/usage"
HOURS = {
    "runs": 12,
    "device_hours": 1234.5,
    "idle_hours": 100.0,
    "unknown_hours": 0.0,
    "lost_to_preemption_hours": 1.25,
    "lost_to_failure_hours": 0.001,
    "cpu_hours": 2.0,
}
GPU = {"day": None, "vc": "lab", "owner": "ada", "device_type": "v100", **HOURS}

STARTED = datetime(2026, 11, 23, 23, tzinfo=UTC)
SAVED = STARTED + timedelta(seconds=5)


def summary(*lines: dict[str, Any]) -> Answer:
    return Answer(body={"first": "2026-11-01", "last": "2026-11-28", "group": ["vc", "owner"], "items": list(lines)})


@pytest.fixture(autouse=True)
def environment(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_URL", server.url)
    monkeypatch.setenv("JOBYARD_TOKEN", "token")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["usage", *words])


def asked(server: ScriptedServer, *words: str) -> dict[str, str]:
    server.on("GET", USAGE, summary(GPU))
    result = run(*words)
    assert result.exit_code == 0, result.output
    return server.asked[-1].query


def test_a_table_has_a_line_for_each_user_and_virtual_cluster_and_says_which_days(server: ScriptedServer) -> None:
    server.on("GET", USAGE, summary(GPU, {**GPU, "device_type": "cpu", "idle_hours": 0.0}))
    result = run()
    head, gpu, cpu = (line.split() for line in result.stdout.splitlines())
    assert head == "VC User Device Runs Hours Idle Unknown Lost to preemption Lost to failure CPU hours".split()
    assert gpu == ["lab", "ada", "v100", "12", "1,234.50", "100.00", "0", "1.25", "<0.01", "2.00"]
    assert cpu[2:6] == ["cpu", "12", "1,234.50", "-"], "of jobs without devices nobody says idle"
    assert "From 2026-11-01 to 2026-11-28 (UTC); runs count once they are over." in result.stderr


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ((), {"group": "vc,owner"}),
        (("--by", "day", "--by", "user"), {"group": "day,owner"}),
        (("--by", "vc", "--vc", "lab", "--user", "ada"), {"group": "vc", "vc": "lab", "owner": "ada"}),
        (("--month", "2026-02"), {"group": "vc,owner", "first": "2026-02-01", "last": "2026-02-28"}),
        (("--since", "2026-11-05"), {"group": "vc,owner", "first": "2026-11-05"}),
    ],
)
def test_options_become_parameters(server: ScriptedServer, words: tuple[str, ...], sent: dict[str, str]) -> None:
    assert asked(server, *words) == sent


def test_since_so_long_ago_is_a_day_of_utc(server: ScriptedServer) -> None:
    before = datetime.now(UTC).date()
    first = date.fromisoformat(asked(server, "--since", "7d")["first"])
    assert before - timedelta(days=7) <= first <= datetime.now(UTC).date() - timedelta(days=7)


@pytest.mark.parametrize(
    "words",
    [
        ("--month", "2026-13"),
        ("--month", "0000-01"),
        ("--month", "november"),
        ("--since", "2026-02-30"),
        ("--since", "soon"),
        ("--since", "2026-11-05", "--month", "2026-11"),
        ("--csv", "--json"),
        ("--by", "job"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_asked(
    server: ScriptedServer, words: tuple[str, ...]
) -> None:
    assert run(*words).exit_code == 2
    assert server.asked == []


def test_with_csv_the_platform_s_own_table_is_printed(server: ScriptedServer) -> None:
    server.on("GET", USAGE, Answer(body="vc,device_type\r\nlab,v100\r\n", headers={"Content-Type": "text/csv"}))
    assert run("--csv").stdout == "vc,device_type\nlab,v100\n"
    assert server.asked[-1].headers["accept"] == "text/csv"


def test_as_json_it_is_the_platform_s_answer(server: ScriptedServer) -> None:
    server.on("GET", USAGE, summary(GPU))
    assert json.loads(run("--json").stdout)["items"] == [GPU]


def test_nothing_is_said_to_be_nothing(server: ScriptedServer) -> None:
    server.on("GET", USAGE, summary())
    result = run()
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Nothing was used." in result.stderr


ADA: dict[str, Any] = {
    "name": "ada",
    "email": None,
    "admin": False,
    "disabled": False,
    "vcs": {},
    "issuer": False,
    "created_at": "2026-11-01T00:00:00Z",
}
LAB: dict[str, Any] = {
    "name": "lab",
    "open": True,
    "max_priority": None,
    "max_duration_s": None,
    "jobs_per_user": None,
    "endpoint_idle_s": None,
    "created_at": "2026-11-01T00:00:00Z",
    "role": None,
}


@pytest.mark.parametrize(
    ("admin", "words", "said"),
    [
        (True, ("--user", "ada", "--vc", "lab"), "Nothing was used in virtual cluster 'lab' by user 'ada'."),
        (True, ("--user", "adda"), "Nothing was used by user 'adda'. There is no user 'adda'."),
        (True, ("--vc", "lap"), "Nothing was used in virtual cluster 'lap'. There is no virtual cluster 'lap'."),
        (False, ("--vc", "lap"), "Nothing was used in virtual cluster 'lap'. You belong to no virtual cluster 'lap'."),
        (False, ("--user", "adda"), "Nothing was used by user 'adda'."),
    ],
)
def test_names_of_which_nothing_was_used_are_said_and_whether_they_are_any_to_who_may_know(
    server: ScriptedServer, admin: bool, words: tuple[str, ...], said: str
) -> None:
    server.on("GET", USAGE, summary())
    server.on("GET", "/api/v1/me", Answer(body={"name": "me", "admin": admin, "vcs": {}, "scope": "act"}))
    server.on("GET", "/api/v1/vcs", Answer(body={"items": [LAB]}))
    users = Answer(body={"items": [ADA], "next_cursor": None})
    server.on("GET", "/api/v1/users", users if admin else problem(403, "Only administrators may list users."))
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[0] == said


def test_what_others_have_used_is_a_refusal_with_its_sentence(server: ScriptedServer, client: Client) -> None:
    server.on("GET", USAGE, problem(403, "Only an administrator may see what others have used."))
    result = run("--user", "bob")
    assert result.exit_code == 5
    assert "Only an administrator" in result.stderr
    with pytest.raises(Forbidden, match="Only an administrator"):
        client.usage.csv(owner="bob")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"first": "2026-11-01", "group": "day"}, {"first": "2026-11-01", "group": "day"}),
        ({"first": date(2026, 11, 1), "last": "2026-11-02"}, {"first": "2026-11-01", "last": "2026-11-02"}),
        (
            {"last": datetime(2026, 11, 1, 23, tzinfo=UTC), "group": ["day", "vc"]},
            {"last": "2026-11-01", "group": "day,vc"},
        ),
        ({"group": UsageGroup.OWNER}, {"group": "owner"}),
    ],
)
def test_the_client_takes_days_and_groups_as_people_write_them(
    server: ScriptedServer, client: Client, given: dict[str, Any], sent: dict[str, str]
) -> None:
    server.on("GET", USAGE, summary(GPU))
    client.usage.summary(**given)
    assert server.asked[-1].query == {"group": "day,vc,owner"} | sent


@pytest.mark.parametrize(("value", "shown"), [(0.0, "0"), (0.004, "<0.01"), (0.01, "0.01"), (12345.678, "12,345.68")])
def test_hours_say_when_there_is_little_but_not_nothing(value: float, shown: str) -> None:
    assert hours(value) == shown


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({}, ""),
        ({"usage": {"seconds": 150.0}}, "Ran 2 min 30 s."),
        ({"usage": {"seconds": 150.0, "cpu_seconds": 12.0}}, "Ran 2 min 30 s, 12 s of processor time."),
        ({"usage": {"seconds": 9.0}, "lost_since": STARTED.isoformat()}, "Ran 9.0 s. Lost: its work since its start."),
        (
            {"usage": {"seconds": 9.0}, "lost_since": SAVED.isoformat()},
            f"Ran 9.0 s. Lost: its work since {precise(SAVED)}.",
        ),
    ],
)
def test_events_say_what_an_attempt_has_used_and_since_when_its_work_is_lost(
    server: ScriptedServer, told: dict[str, Any], shown: str
) -> None:
    event = job_event(4, "failed", "failed", started_at=STARTED.isoformat())
    event["data"] |= told
    server.on("GET", f"/api/v1/jobs/{JOB_ID}/events", Answer(body={"items": [event]}))
    result = CliRunner().invoke(app, ["events", JOB_ID])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1].partition("admin")[2].strip() == (shown or "-")
