"""What a run sees: nothing of the platform's settings and secrets, its own devices only, the platform's word last."""

import socket

from services.executor.domain.environment import Place, base, environment, ports
from services.executor.meeting import meeting_port
from shared.contracts.job import SAID_BY_PLATFORM

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def place(*devices: int, data_path: str | None = None, rank: int = 0, ranks: int = 1) -> Place:
    visible = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, devices))}
    return Place("/s/jobs/1", "/s/jobs/1/checkpoints", "/m/1.jsonl", data_path, rank, ranks, 20_017, devices, visible)


def test_only_harmless_names_of_the_executors_own_environment_are_passed_on() -> None:
    own = {
        "HOME": "/home/ada",
        "LC_ALL": "C.UTF-8",
        "PATH": "/opt/bin",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "JOBYARD_MONGO_URL": "mongodb://root:secret@db",
        "PYTHONPATH": "/srv/jobyard",
    }
    assert base(own) == {"HOME": "/home/ada", "LC_ALL": "C.UTF-8", "PATH": "/opt/bin", "PYTHONUNBUFFERED": "1"}


def test_an_operator_may_pass_on_more_but_never_the_platforms_settings() -> None:
    own = {"HTTPS_PROXY": "http://proxy", "JOBYARD_MONGO_URL": "secret"}
    passed = base(own, also=("HTTPS_PROXY", "JOBYARD_MONGO_URL", "NOT_THERE"))
    assert passed["HTTPS_PROXY"] == "http://proxy"
    assert "JOBYARD_MONGO_URL" not in passed
    assert "NOT_THERE" not in passed


def test_there_is_always_a_path() -> None:
    assert base({})["PATH"] == "/usr/local/bin:/usr/bin:/bin"


def test_a_run_is_told_who_it_is_and_where() -> None:
    found = environment({}, {}, ID, 1, place(0, 3, data_path="/data/x"))
    assert {name: value for name, value in found.items() if name.startswith("JOBYARD_")} == {
        "JOBYARD_JOB_ID": ID,
        "JOBYARD_ATTEMPT": "1",
        "JOBYARD_RUN_ID": f"{ID}.1",
        "JOBYARD_JOB_PATH": "/s/jobs/1",
        "JOBYARD_CHECKPOINT_DIR": "/s/jobs/1/checkpoints",
        "JOBYARD_METRICS_FILE": "/m/1.jsonl",
        "JOBYARD_DATA_PATH": "/data/x",
        "JOBYARD_DEVICES": "0,3",
    }
    assert (found["RANK"], found["WORLD_SIZE"], found["MASTER_ADDR"]) == ("0", "1", "127.0.0.1")
    assert found["MASTER_PORT"] == "20017"


def test_the_ranks_of_a_run_differ_in_rank_and_name_and_meet_in_one_place() -> None:
    first, second = (environment({}, {}, ID, 1, place(rank=rank, ranks=2)) for rank in (0, 1))
    differing = {name: (first[name], second[name]) for name in first if first[name] != second[name]}
    assert differing == {"RANK": ("0", "1"), "JOBYARD_RUN_ID": (f"{ID}.1", f"{ID}.1-1")}
    assert first["WORLD_SIZE"] == "2"


def test_only_a_later_attempt_is_told_to_resume() -> None:
    assert "JOBYARD_RESUME" not in environment({}, {}, ID, 1, place())
    assert environment({}, {}, ID, 2, place())["JOBYARD_RESUME"] == "1"


def test_a_submission_replaces_the_base_but_not_what_the_platform_says() -> None:
    submitted = {"HOME": "/mine", "CUDA_VISIBLE_DEVICES": "0,1,2,3", "RANK": "7", "SEED": "1"}
    found = environment({"HOME": "/theirs", "TZ": "UTC"}, submitted, ID, 1, place(2))
    assert (found["HOME"], found["TZ"], found["SEED"]) == ("/mine", "UTC", "1")
    assert (found["CUDA_VISIBLE_DEVICES"], found["RANK"]) == ("2", "0")


def test_the_ports_are_the_same_for_a_run_whenever_they_are_asked_for_and_others_for_the_next() -> None:
    found = [list(ports(f"{ID}.{attempt}")) for attempt in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert all(sorted(each) == list(range(20_000, 30_000)) for each in found)


def test_runs_of_several_ranks_meet_at_ports_that_nobody_else_has() -> None:
    first, second, third, *_ = ports(f"{ID}.1")
    with socket.create_server(("127.0.0.1", second)):
        assert meeting_port(f"{ID}.1", 2, {first}) == third
        assert meeting_port(f"{ID}.1", 1, set()) == first
        assert meeting_port(f"{ID}.1", 1, {first}) == second, "it meets nobody, and nobody finds another run there"


def test_no_job_says_itself_who_its_ranks_are() -> None:
    found = environment({}, dict.fromkeys(SAID_BY_PLATFORM, "theirs"), ID, 1, place(0))
    assert "theirs" not in found.values()
