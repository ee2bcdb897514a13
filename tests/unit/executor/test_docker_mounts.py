"""The folders that a container gets: its run's own, each once, and data only to be read."""

from dataclasses import replace
from pathlib import Path

from services.executor.backends.docker.mounts import Mount, mounts_of
from services.executor.backends.protocol import Folders
from tests.support.executor_backend import order_of

BASE = Path("/data/runs/JOB.1")
ORDER = order_of("JOB.1", ("true",), Path("/storage/jobs/JOB"), grace_s=10)


def mounted(folders: Folders) -> list[Mount]:
    return mounts_of(replace(ORDER, folders=folders), BASE, Path("/data/runtime/1"), "/.jobyard-1")


def test_folders_in_folders_are_mounted_once_and_data_can_only_be_read() -> None:
    folders = Folders(
        job=Path("/s/jobs/a"),
        checkpoints=Path("/s/jobs/a/checkpoints"),
        work=Path("/s/code"),
        data=Path("/s/code/data"),
        reports=Path("/data/metrics/a.jsonl"),
    )
    mounts = mounted(folders)
    assert {str(mount.source): mount.writable for mount in mounts} == {
        "/s/code": True,
        "/s/code/data": False,
        "/s/jobs/a": True,
        "/data/metrics/a.jsonl": True,
        f"{BASE}.run": True,
        f"{BASE}.output": True,
        f"{BASE}.ways": True,
        "/data/runtime/1": False,
    }


def test_data_that_is_also_the_jobs_own_folder_can_be_written() -> None:
    folders = replace(ORDER.folders, data=ORDER.folders.job)
    [own] = [mount for mount in mounted(folders) if mount.source == ORDER.folders.job]
    assert own.writable
