"""A run's folders and order: made where they may be, and a sentence for everything that is not as it should be."""

import errno
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.backends.protocol import Folders, RunOrder
from services.executor.domain.equipment import Equipment
from services.executor.placed import Assignment
from services.executor.prepare import Preparation, Unfit
from services.executor.rank_tables import RankTables
from services.executor.storages import Storages
from shared.paths import Roots
from tests.support.executor import ID, NODE, assignment_of, launch_of, view_of


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    folder = tmp_path / "storage"
    folder.mkdir()
    return folder


def reports(run_id: str) -> Path:
    return Path("/metrics") / run_id


@pytest.fixture
def preparation(storage: Path) -> Preparation:
    return Preparation(Roots(storage), {"PATH": "/bin"}, reports, Equipment(simulated={"v100": 4}), Storages())


def text_of(path: str) -> str:
    return Path(path).read_text()


async def prepared(preparation: Preparation, item: Assignment) -> list[RunOrder]:
    return preparation.orders(item, await preparation.folders(item))


async def refused(preparation: Preparation, **launch: object) -> Unfit:
    with pytest.raises(Unfit) as caught:
        await preparation.folders(assignment_of(launch=launch_of(**launch)))  # type: ignore[arg-type]
    return caught.value


@contextmanager
def no_more_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_job_gets_its_own_folders_and_starts_there(preparation: Preparation, storage: Path) -> None:
    order = (await prepared(preparation, assignment_of()))[0]
    assert order.run_id == f"{ID}.1"
    assert order.cwd == storage / "jobs" / ID
    assert order.env["JOBYARD_JOB_PATH"] == str(order.cwd)
    assert order.env["JOBYARD_CHECKPOINT_DIR"] == str(order.cwd / "checkpoints")
    assert order.env["JOBYARD_METRICS_FILE"] == f"/metrics/{ID}.1"
    assert (order.cwd / "checkpoints").is_dir()


async def test_a_line_is_for_the_shell_and_a_list_is_run_as_it_is(preparation: Preparation) -> None:
    async def argv(command: str | tuple[str, ...]) -> tuple[str, ...]:
        return (await prepared(preparation, assignment_of(launch=launch_of(command))))[0].argv

    assert await argv("echo $HOME; true") == ("/bin/sh", "-c", "echo $HOME; true")
    assert await argv(("echo", "$HOME; true")) == ("echo", "$HOME; true")


async def test_an_order_carries_the_jobs_grace_period_devices_and_environment(preparation: Preparation) -> None:
    view = view_of(attempt=2, devices=(1, 3), grace_period_s=7)
    order = (await prepared(preparation, assignment_of(view, launch_of(env={"SEED": "1"}))))[0]
    assert order.grace_s == 7
    assert order.env.items() >= {"PATH": "/bin", "SEED": "1", "CUDA_VISIBLE_DEVICES": "1,3"}.items()
    assert order.env["JOBYARD_RESUME"] == "1"


async def test_secrets_are_in_the_environment_and_hidden_in_the_output(preparation: Preparation) -> None:
    item = replace(assignment_of(launch=launch_of(env={"A": "text"}, secrets={"B": "b"})), secrets={"B": "value"})
    order = (await prepared(preparation, item))[0]
    assert (order.env["A"], order.env["B"], order.hidden) == ("text", "value", ("value",))
    assert order.secrets == {"B"}
    assert "value" not in repr(item) + repr(order)


async def test_paths_of_the_submission_are_used(preparation: Preparation, storage: Path) -> None:
    (storage / "code").mkdir()
    (storage / "set.tar").touch()
    paths = {"job_path": "my/job", "checkpoint_path": "my/saved", "work_path": "code", "data_path": "set.tar"}
    order = (await prepared(preparation, assignment_of(launch=launch_of(**paths))))[0]
    assert order.cwd == storage / "code"
    assert order.env["JOBYARD_JOB_PATH"] == str(storage / "my/job")
    assert order.env["JOBYARD_CHECKPOINT_DIR"] == str(storage / "my/saved")
    assert order.env["JOBYARD_DATA_PATH"] == str(storage / "set.tar")
    assert (storage / "my/job").is_dir() and (storage / "my/saved").is_dir()


@pytest.mark.parametrize("name", ["work_path", "data_path"])
async def test_a_path_that_does_not_exist_is_named_with_what_to_do(
    preparation: Preparation, storage: Path, name: str
) -> None:
    unfit = await refused(preparation, **{name: "no/such"})
    assert (unfit.reason.code, unfit.busy) == (f"{name}_missing", False)
    sentence = f"The {name} {storage}/no/such does not exist on this node. Create it, or submit with another path."
    hint = "'no/such' starts at the platform's storage; `jobyard submit` takes './no/such' as your own."
    assert unfit.reason.message == f"{sentence} {hint}"
    assert (await refused(preparation, **{name: f"{storage}/no/such"})).reason.message == sentence


async def test_a_work_path_that_is_a_file_is_refused(preparation: Preparation, storage: Path) -> None:
    (storage / "file").touch()
    unfit = await refused(preparation, work_path="file")
    assert (unfit.reason.code, unfit.busy) == ("work_path_missing", False)
    assert unfit.reason.message == f"The work_path {storage}/file is no folder."
    assert unfit.reason.details == {"path": f"{storage}/file"}


@pytest.mark.parametrize("name", ["job_path", "checkpoint_path", "work_path", "data_path"])
async def test_a_link_out_of_the_storage_leads_nowhere(preparation: Preparation, storage: Path, name: str) -> None:
    outside = storage.parent / "outside"
    outside.mkdir()
    (storage / "link").symlink_to(outside)
    unfit = await refused(preparation, **{name: "link"})
    assert (unfit.reason.code, unfit.busy) == ("path_outside", False)
    assert "outside the folders that jobs may use" in unfit.reason.message
    assert unfit.reason.details["path"] in ("link", "link/checkpoints")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", ["job_path", "checkpoint_path", "work_path", "data_path"])
async def test_no_job_apart_from_the_machine_gets_the_platforms_files(storage: Path, name: str) -> None:
    data = storage.parent
    roots = Roots(storage, [data.parent], kept_from=data)
    preparation = Preparation(roots, {}, reports, Equipment(), Storages())
    for path in (data, data / "nats", data.parent):
        unfit = await refused(preparation, **{name: str(path)})
        assert (unfit.reason.code, unfit.busy) == ("path_outside", False)
        assert "platform's own files" in unfit.reason.message


async def test_a_file_in_the_way_of_the_jobs_folder_is_a_sentence(preparation: Preparation, storage: Path) -> None:
    (storage / "taken").touch()
    unfit = await refused(preparation, job_path="taken")
    assert (unfit.reason.code, unfit.busy) == ("path_unusable", False)
    assert unfit.reason.message == f"The folder {storage}/taken cannot be used: Not a directory."
    assert unfit.reason.details == {"path": f"{storage}/taken", "error": "Not a directory"}


async def test_a_folder_that_cannot_be_made_is_a_sentence() -> None:
    preparation = Preparation(Roots(Path("/proc")), {}, reports, Equipment(), Storages())
    unfit = await refused(preparation, job_path="jobyard")
    assert unfit.reason.code == "path_unusable"
    assert f"cannot be used: {os.strerror(2)}" in unfit.reason.message


async def test_a_process_that_may_open_no_more_files_ends_no_job(preparation: Preparation) -> None:
    with no_more_files():
        unfit = await refused(preparation)
    assert (unfit.reason.code, unfit.busy, unfit.own) == ("path_unusable", True, False)
    assert unfit.reason.message == f"The folder / cannot be used just now: {os.strerror(errno.EMFILE)}."


async def test_what_passes_is_no_nodes_fault_where_all_have_the_same_storage(storage: Path) -> None:
    (storage / "taken").touch()
    preparation = Preparation(Roots(storage), {}, reports, Equipment(), Storages(), shared=True)
    with no_more_files():
        unfit = await refused(preparation)
    assert (unfit.busy, unfit.own) == (True, True)
    final = await refused(preparation, job_path="taken")
    assert (final.busy, final.own) == (False, False)


async def test_an_order_says_all_that_a_container_needs(preparation: Preparation, storage: Path) -> None:
    (storage / "set.tar").touch()
    item = assignment_of(view_of(devices=(2,)), launch_of(image="torch:2", data_path="set.tar"))
    order = (await prepared(preparation, item))[0]
    assert (order.job_id, order.attempt, order.rank, order.ranks) == (ID, 1, 0, 1)
    assert (order.node, order.owner, order.vc, order.image) == (NODE, "ada", "default", "torch:2")
    assert (order.device_type, order.devices, order.cpus, order.memory_mib) == ("v100", (2,), 0.01, 0)
    job = storage / "jobs" / ID
    assert order.folders == Folders(job, job / "checkpoints", job, storage / "set.tar", reports(f"{ID}.1"))


async def test_ranks_on_npus_find_one_table_and_a_submission_may_name_its_own(storage: Path) -> None:
    equipment = Equipment(simulated={"ascend910": 4})
    preparation = Preparation(Roots(storage), {}, reports, equipment, Storages(), rank_tables=RankTables(equipment))
    view = view_of(devices=(0, 1, 2, 3), ranks=2, device_type="ascend910")
    orders = await prepared(preparation, assignment_of(view))
    (table,) = {order.env["RANK_TABLE_FILE"] for order in orders}
    (server,) = json.loads(text_of(table))["server_list"]
    assert [device["rank_id"] for device in server["device"]] == ["0", "1", "2", "3"]
    own = await prepared(preparation, assignment_of(view, launch_of(env={"RANK_TABLE_FILE": "mine.json"})))
    assert {order.env["RANK_TABLE_FILE"] for order in own} == {"mine.json"}
