"""The yard over HTTP on a whole platform of single processes: two virtual clusters, a member of each, an administrator.

Samples come each second here, so that a history grows while a test looks.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.people import Person, add, admin
from tests.support.separate import SeparateServices, separate_services
from tests.support.waiting import wait_until

KINDS = {"device_type": "v100", "cpus": 0.05}


@pytest.fixture(scope="module")
def yard() -> Iterator[SeparateServices]:
    with separate_services(JOBYARD_EXECUTOR_SIMULATE="v100=4,ascend910=2", JOBYARD_SCHEDULER_SAMPLE_S="1") as running:
        yield running


@pytest.fixture(scope="module")
def people(yard: SeparateServices) -> dict[str, Person]:
    for name in ("red", "blue"):
        admin(yard).call("POST", "/vcs", 201, json={"name": name})
    return {
        "admin": admin(yard),
        "ada": add(yard, "ada", {"red": "member"}),
        "bob": add(yard, "bob", {"blue": "member"}),
        "vera": add(yard, "vera", {"red": "admin", "blue": "member"}),
    }


@pytest.fixture(scope="module")
def jobs(yard: SeparateServices, people: dict[str, Person]) -> Iterator[dict[str, str]]:
    """One of each runs, one of bob's waits; the same for all tests, so that the history holds no other queue."""
    found = {
        "ada's": people["ada"].submit("sleep 600", "of-ada", vc="red", devices=1, **KINDS),
        "bob's": people["bob"].submit("sleep 600", "of-bob", vc="blue", devices=2, **KINDS),
    }
    for id in found.values():
        yard.wait(id, "running")
    found["waiting"] = people["bob"].submit("sleep 600", "waiting-of-bob", vc="blue", devices=3, **KINDS)
    wait_until(lambda: waiting(people["admin"]) == 1, "one waits")
    try:
        yield found
    finally:
        for id in found.values():
            people["admin"].ask("POST", f"/jobs/{id}/kill")
        for id in found.values():
            yard.wait(id, "killed")


def cluster(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = person.call("GET", "/cluster", 200)
    return found


def waiting(person: Person) -> int:
    return int(cluster(person)["queue"]["waiting"])


def held(person: Person) -> list[str | None]:
    """The names that hold devices, as this person reads them."""
    every = [slot for node in cluster(person)["nodes"] for one in node["devices"] for slot in one["slots"]]
    return sorted((slot["name"] for slot in every if slot is not None), key=str)


def history(person: Person, **params: str) -> dict[tuple[str, str | None, str | None], list[float | None]]:
    found = person.call("GET", "/cluster/history", 200, params={"step": "1", **params})["series"]
    return {(one["name"], one["device_type"], one["vc"]): one["values"] for one in found}


def newest(person: Person, name: str = "waiting") -> float | None:
    """Of a moment ago, when a sample must have come."""
    now = time.time()
    values = history(person, start=f"{now - 4:.3f}", end=f"{now - 2:.3f}").get((name, None, None), [None])
    return values[-1]


def test_everybody_reads_how_much_is_held_and_only_who_may_by_whom(
    people: dict[str, Person], jobs: dict[str, str]
) -> None:
    assert held(people["ada"]) == [None, None, "of-ada"]
    assert held(people["bob"]) == [None, "of-bob", "of-bob"]
    assert held(people["vera"]) == held(people["admin"]) == ["of-ada", "of-bob", "of-bob"]
    for name, strangers in (("ada", ("bob's", "waiting")), ("bob", ("ada's",))):
        text = people[name].ask("GET", "/cluster").text
        assert not any(jobs[one] in text for one in strangers)
    for person in people.values():
        found = cluster(person)
        (node,) = found["nodes"]
        assert (node["state"], [one["device_type"] for one in node["devices"]]) == ("ready", ["ascend910", "v100"])
        assert all(one["simulated"] for one in node["devices"])
        v100 = found["totals"]["devices"][1]
        assert (v100["total"], v100["used"], v100["free"], v100["simulated"]) == (4, 3, 1, 4)
        assert found["queue"]["waiting"] == 1
    (reason,) = cluster(people["ada"])["queue"]["by_reason"]
    assert (reason["code"], reason["vc"], reason["devices"]) == ("waiting_for_devices", None, 3)
    assert cluster(people["bob"])["queue"]["by_reason"][0]["vc"] == "blue"


def in_the_way(person: Person, id: str) -> list[dict[str, Any]]:
    """The jobs that have what this one waits for, as this person reads of them."""
    blockers = person.call("GET", f"/jobs/{id}", 200)["blockers"]
    assert blockers["more"] == 0
    found: list[dict[str, Any]] = blockers["jobs"]
    return found


def test_a_waiting_job_names_who_holds_what_it_waits_for_and_of_other_virtual_clusters_the_size(
    people: dict[str, Person], jobs: dict[str, str]
) -> None:
    whole = [("of-bob", jobs["bob's"], "bob", 2), ("of-ada", jobs["ada's"], "ada", 1)]
    redacted = [whole[0], (None, None, None, 1)]
    for name, expected in (("bob", redacted), ("vera", whole), ("admin", whole)):
        found = in_the_way(people[name], jobs["waiting"])
        assert [(one["name"], one["id"], one["owner"], one["devices"]) for one in found] == expected
        assert {(one["state"], one["device_type"]) for one in found} == {("holds", "v100")}
        assert [one["since"] is None for one in found] == [one[0] is None for one in expected]
    text = people["bob"].ask("GET", f"/jobs/{jobs['waiting']}").text
    assert jobs["ada's"] not in text and "of-ada" not in text
    rows = people["bob"].call("GET", "/jobs", 200, params={"status": "queued"})["items"]
    assert [(row["id"], row["blockers"]) for row in rows] == [(jobs["waiting"], None)]
    people["ada"].call("GET", f"/jobs/{jobs['waiting']}", 404)


def test_one_reads_of_the_own_virtual_clusters_what_they_use_and_how_many_wait(
    people: dict[str, Person], jobs: dict[str, str]
) -> None:
    assert [(vc["name"], vc["used"], vc["waiting"], vc["running"]) for vc in cluster(people["ada"])["vcs"]] == [
        ("red", {"v100": 1}, 0, 1)
    ]
    assert [vc["name"] for vc in cluster(people["vera"])["vcs"]] == ["blue", "red"]
    every = {vc["name"]: (vc["used"], vc["waiting"]) for vc in cluster(people["admin"])["vcs"]}
    assert every == {"blue": ({"v100": 2}, 1), "red": ({"v100": 1}, 0), "default": ({}, 0)}
    text = people["ada"].ask("GET", "/cluster").text
    assert "blue" not in text


def test_the_history_shows_the_queue_the_devices_and_the_own_virtual_clusters(
    people: dict[str, Person], jobs: dict[str, str]
) -> None:
    def rows() -> set[tuple[float | None, ...]]:
        """Everybody's v100 and those of the own virtual cluster, who waits, and what there is."""
        found = history(people["ada"], start="-1m")
        keys = (("used", "v100", None), ("used", "v100", "red"), ("waiting", None, None), ("total", "ascend910", None))
        return set(zip(*(found[key] for key in keys), strict=True)) if all(key in found for key in keys) else set()

    wait_until(lambda: (3, 1, 1, 2) in rows(), "they are in the history")
    assert {vc for _, _, vc in history(people["ada"], start="-1m")} == {None, "red"}
    assert {vc for _, _, vc in history(people["admin"], start="-1m")} >= {None, "red", "blue"}


def test_the_history_outlives_a_kill_of_who_keeps_it(
    yard: SeparateServices, people: dict[str, Person], jobs: dict[str, str]
) -> None:
    wait_until(lambda: newest(people["admin"]) == 1, "the history has begun")
    now = time.time()
    past = {"start": f"{now - 6:.3f}", "end": f"{now - 2:.3f}"}
    before = history(people["admin"], **past)
    assert 1 in before["waiting", None, None]
    yard.kill_service("metrics")
    answer = people["admin"].ask("GET", "/cluster/history")
    assert (answer.status_code, answer.json()["detail"][:19]) == (503, "The metrics service")
    yard.start_service("metrics")
    wait_until(lambda: people["admin"].status("GET", "/cluster/history") == 200, "it answers again")
    after = history(people["admin"], **past)
    for key, values in before.items():
        assert all(was in (None, now) for was, now in zip(values, after[key], strict=True)), key
    wait_until(lambda: newest(people["admin"]) == 1, "it goes on")


def test_while_no_scheduler_lives_the_yard_is_503_the_form_is_not_and_the_history_has_a_gap_for_ever(
    yard: SeparateServices, people: dict[str, Person], jobs: dict[str, str]
) -> None:
    wait_until(lambda: newest(people["admin"]) == 1, "the history has begun")
    begin = time.time() - 2  # what `newest` has looked at: the one job waits at least since then
    yard.kill_service("scheduler")
    wait_until(lambda: people["ada"].status("GET", "/cluster") == 503, "what was known a second ago is old")
    assert "scheduler" in people["ada"].ask("GET", "/cluster").json()["detail"]
    options = people["ada"].call("GET", "/submit-options", 200)
    assert (options["device_types"], [vc["name"] for vc in options["vcs"]]) == (None, ["red"])
    wait_until(lambda: newest(people["admin"]) is None, "nobody samples")
    yard.start_service("scheduler")
    wait_until(lambda: newest(people["admin"]) == 1, "another one does")
    values = history(people["admin"], start=f"{begin:.3f}", end=f"{time.time() - 2:.3f}")["waiting", None, None]
    assert None in values
    assert set(values) <= {None, 1.0}, "nothing was made up, and the queue was never taken for empty"
    assert held(people["admin"]) == ["of-ada", "of-bob", "of-bob"]


def test_what_a_form_is_told_is_what_a_submission_is_allowed(yard: SeparateServices, people: dict[str, Person]) -> None:
    bounds = {"max_priority": 200, "max_duration_s": 3600, "jobs_per_user": 2}
    people["admin"].call("PATCH", "/vcs/red", 200, json=bounds)
    people["ada"].call("PUT", "/me/secrets/mine", 201, json={"value": "a-secret-value"})
    people["vera"].call("PUT", "/vcs/red/secrets/ours", 201, json={"value": "another-value"})

    def told() -> dict[str, Any]:
        found: dict[str, Any] = people["ada"].call("GET", "/submit-options", 200)
        return found

    wait_until(lambda: told()["vcs"][0]["max_priority"] == 200 and told()["device_types"], "the policy counts")
    options = told()
    (red,) = options["vcs"]
    (_, v100) = options["device_types"]
    limits = options["limits"]

    def valid(**fields: Any) -> dict[str, Any] | None:
        body = {"name": "j", "command": "true", "vc": "red", **fields}
        answer = people["ada"].ask("POST", "/jobs:validate", json=body)
        assert answer.status_code in (200, 422), answer.text
        found: dict[str, Any] = answer.json()
        return found if answer.status_code == 200 else None

    plain = valid()
    assert plain is not None
    assert (plain["job"]["priority"], plain["job"]["max_duration_s"]) == (
        red["default_priority"],
        red["default_duration_s"],
    )
    assert valid(priority=red["max_priority"])
    assert not valid(priority=red["max_priority"] + 1)
    assert valid(max_duration_s=red["max_duration_s"])
    assert not valid(max_duration_s=red["max_duration_s"] + 1)
    assert not valid(vc="blue")

    def warned(**fields: Any) -> str:
        found = valid(**fields)
        assert found is not None, fields
        return " ".join(found["warnings"])

    most = {"device_type": v100["device_type"], "devices": v100["max_per_node"]}
    assert "no node is that large" not in warned(**most)
    assert "simulated" in warned(**most)
    assert "no node is that large" not in warned(cpus=options["max_cpus"], memory_mib=options["max_memory_mib"])
    too_large: list[dict[str, Any]] = [
        {**most, "devices": v100["max_per_node"] + 1},
        {"cpus": options["max_cpus"] + 1},
        {"memory_mib": options["max_memory_mib"] + 1},
    ]  # a scheduler that does not answer at once is not waited for
    wait_until(lambda: not any(valid(**fields) for fields in too_large), "each of them is refused")
    assert options["uses_images"] is False
    assert "is not used" in warned(image="pytorch:2")

    assert valid(endpoints=options["endpoints"])
    for name, beyond in (("nodes", 1), ("retries", 1), ("grace_period_s", 1), ("priority", 1), ("devices", 1)):
        assert not valid(**{**most, name: limits[name]["maximum"] + beyond}), name
    assert valid(labels={f"l{number}": "x" for number in range(limits["labels"]["entries"])})
    assert not valid(labels={f"l{number}": "x" for number in range(limits["labels"]["entries"] + 1)})
    assert valid(env={f"V{number}": "x" for number in range(limits["env"]["entries"])})
    assert not valid(env={f"V{number}": "x" for number in range(limits["env"]["entries"] + 1)})

    for name in (*options["secrets"], *red["secrets"]):
        assert valid(env={"TOKEN": {"secret": name}}), name
    assert (options["secrets"], red["secrets"]) == (["mine"], ["ours"])
    assert not valid(env={"TOKEN": {"secret": "nobody-has-it"}})

    recipients = {"mailto": "mailto:ada@example.org", "https": "https://example.org/hook"}
    assert options["notify"]["kinds"] == list(recipients)
    for to in recipients.values():
        assert valid(notify=[{"to": to, "on": options["notify"]["events"]}])
    assert not valid(notify=[{"to": "slack://a/b/c"}])
    assert not valid(notify=[{"to": recipients["mailto"], "on": ["nothing-that-happens"]}])

    held_now = people["ada"].call("GET", "/jobs", 200, params={"status": "queued,scheduling,running"})["total"]
    for _ in range(red["jobs_per_user"] - held_now):
        people["ada"].submit("sleep 600", vc="red", cpus=0.05)
    body = {"name": "j", "command": "true", "vc": "red"}
    assert people["ada"].status("POST", "/jobs:validate", json=body) == 409
