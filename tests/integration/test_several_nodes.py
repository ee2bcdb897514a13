"""Jobs of several nodes on real parts: their ranks start together, know one another, and have devices of their own."""

from collections.abc import Iterator

import pytest

from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until

ASK = """
exec python3 -c '
import os, socket
rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
print("rank", rank, "of", world, "has", os.environ["JOBYARD_DEVICES"], flush=True)
if rank == 0:
    with socket.create_server(address) as door:
        for _ in range(world - 1):
            caller, _ = door.accept()
            print("heard", caller.recv(100).decode(), flush=True)
            caller.close()
else:
    while True:
        try:
            with socket.create_connection(address) as master:
                master.sendall(f"rank {rank}".encode())
            break
        except ConnectionRefusedError:
            pass
'
"""
"""Every rank says what it has, and all others tell rank 0 that they are there."""


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(simulate="v100=4") as running:
        yield running


def test_the_ranks_of_a_job_have_devices_of_their_own_and_speak_to_one_another(yard: Platform) -> None:
    id = yard.submit(ASK, device_type="v100", devices=2, nodes=2, cpus=0.2)
    done = yard.wait(id)
    assert (done["status"], done["exit_code"], done["nodes"], done["devices_total"]) == ("finished", 0, 2, 4)
    lines = yard.lines(id)
    assert sorted(lines) == ["heard rank 1", "rank 0 of 2 has 0,1", "rank 1 of 2 has 2,3"]
    told = yard.call("GET", f"/jobs/{id}/logs")["lines"]
    assert {(line["text"], line["rank"]) for line in told} == {(line, int("rank 1 of" in line)) for line in lines}
    assert [yard.facts(id)] == [["submitted", "scheduled", "started", "finished"]]


def test_a_job_says_where_each_rank_is_until_all_have_ended(yard: Platform) -> None:
    id = yard.submit("sleep 600", device_type="v100", devices=1, nodes=3, cpus=0.2)
    running = yard.wait(id, "running")
    places = running["placement"]
    assert [(place["rank"], place["devices"]) for place in places] == [(0, [0]), (1, [1]), (2, [2])]
    assert len({place["node"] for place in places}) == 1
    listed = yard.call("GET", "/jobs?status=running")["items"]
    assert [job["id"] for job in listed] == [id]
    assert "placement" not in listed[0]
    yard.call("POST", f"/jobs/{id}/kill", 202)
    assert yard.wait(id, "killed").get("placement") is None


def test_the_first_rank_that_fails_ends_the_others_and_is_the_reason(yard: Platform) -> None:
    id = yard.submit('if [ "$RANK" = 1 ]; then exit 7; fi; exec sleep 600', nodes=3, cpus=0.2)
    done = yard.wait(id)
    assert (done["status"], done["exit_code"]) == ("failed", 7)
    assert done["reason"]["details"]["rank"] == 1


def test_a_job_starts_whole_and_hears_how_much_of_it_could_start(yard: Platform) -> None:
    first = yard.submit("sleep 600", device_type="v100", devices=1, cpus=0.2)
    yard.wait(first, "running")
    gang = yard.submit("true", device_type="v100", devices=2, nodes=2, cpus=0.2)
    wait_until(lambda: yard.job(gang)["reason"]["code"] == "gang", "it says that not all of it could start")
    assert yard.job(gang)["reason"]["message"].startswith(
        "Needs 2 nodes of 2 v100 and 0.2 cpus each, all at the same time; 1 of them could start now: 3 are free"
    )
    yard.call("POST", f"/jobs/{first}/kill", 202)
    assert yard.wait(gang)["status"] == "finished"


def test_what_no_machine_can_ever_start_is_said_before_and_after_the_submission(yard: Platform) -> None:
    body = {"name": "large", "command": "true", "device_type": "v100", "devices": 2, "nodes": 3, "cpus": 0.2}
    warning, *_ = yard.call("POST", "/jobs:validate", 200, json=body)["warnings"]
    assert "at most 2 of them would find room on one machine or cluster" in warning
    id = yard.call("POST", "/jobs", 201, json=body)["id"]
    wait_until(lambda: yard.job(id)["reason"]["code"] == "gang_too_large", "it says that it is too large")
    yard.call("POST", f"/jobs/{id}/kill", 202)
    yard.wait(id, "killed")


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"nodes": 65}, "nodes", "at most 64"),
        ({"nodes": 0}, "nodes", "at least 1"),
        ({"nodes": -1}, "nodes", "at least 1"),
        ({"nodes": 10**9}, "nodes", "at most"),
        ({"nodes": "2"}, "nodes", "whole number"),
        ({"nodes": True}, "nodes", "whole number"),
        ({"nodes": 1.5}, "nodes", "whole number"),
        ({"nodes": {"$ne": 1}}, "nodes", "whole number"),
        ({"nodes": 64, "devices": 65, "device_type": "v100"}, "devices", "at most 4096"),
    ],
)
def test_an_absurd_number_of_nodes_is_refused_and_nothing_is_stored(
    yard: Platform, change: dict[str, object], field: str, says: str
) -> None:
    before = yard.call("GET", "/jobs")["total"]
    problem = yard.call("POST", "/jobs", 422, json={"name": "bad", "command": "true", **change})
    assert [(error["field"], says in error["message"]) for error in problem["errors"]] == [(field, True)]
    assert yard.call("GET", "/jobs")["total"] == before


def test_an_endpoint_of_a_rank_that_the_job_does_not_have_is_refused(yard: Platform) -> None:
    id = yard.submit("sleep 600", nodes=2, cpus=0.2)
    yard.wait(id, "running")
    problem = yard.call("POST", f"/jobs/{id}/endpoints", 422, json={"name": "ssh", "rank": 2})
    assert "ranks are 0 to 1" in problem["errors"][0]["message"]
    made = yard.call("POST", f"/jobs/{id}/endpoints", None, json={"name": "ssh", "rank": 1})
    assert made["rank"] == 1
    yard.call("POST", f"/jobs/{id}/kill", 202)
    yard.wait(id, "killed")
