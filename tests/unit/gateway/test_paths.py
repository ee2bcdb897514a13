"""Paths of submissions: what no job gets is refused at once where it would be somebody's in a container."""

from pathlib import Path

import pytest

from services.gateway.paths import Paths
from shared.contracts.errors import Invalid
from shared.contracts.job import JobRequest


class Checkout:
    """Where somebody works, with the platform's data folder in it. `in_use`: whether runs are in images there."""

    def __init__(self, folder: Path, in_use: bool | None) -> None:
        self.folder = folder
        self.asked = 0
        self._in_use = in_use
        storage = folder / ".jobyard" / "storage"
        storage.mkdir(parents=True)
        self._paths = Paths(storage, (folder,), folder / ".jobyard", self._ask)

    async def check(self, path: str) -> None:
        request = JobRequest(name="j", command="ls", work_path=str(self.folder / path), data_path="set")
        await self._paths.check(request)

    async def _ask(self) -> bool | None:
        self.asked += 1
        return self._in_use


async def test_where_runs_are_in_images_no_job_gets_the_platforms_files(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, True)
    for path in ("", ".jobyard", ".jobyard/nats"):
        with pytest.raises(Invalid, match="platform's own files") as refused:
            await checkout.check(path)
        assert [error.field for error in refused.value.errors] == ["work_path"]


@pytest.mark.parametrize("in_use", [False, None])
async def test_processes_run_in_the_checkout_that_has_them(tmp_path: Path, in_use: bool | None) -> None:
    checkout = Checkout(tmp_path, in_use)
    await checkout.check("")
    with pytest.raises(Invalid, match="everybody's files"):
        await checkout.check(".jobyard/storage")


async def test_nobody_is_asked_for_a_path_that_is_fine_everywhere(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, True)
    await checkout.check("examples")
    assert checkout.asked == 0
