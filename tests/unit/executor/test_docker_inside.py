"""What a container's first process makes of the environment that it finds and is told."""

from pathlib import Path

import pytest

from services.executor.backends.docker.inside import with_home


@pytest.mark.parametrize("said", [None, "", "gone", "plain"])
def test_a_home_where_nothing_can_be_kept_is_the_jobs_folder(tmp_path: Path, said: str | None) -> None:
    (tmp_path / "plain").touch()
    env = {"JOBYARD_JOB_PATH": str(tmp_path), "SEED": "1"}
    found = with_home(env if said is None else env | {"HOME": said and str(tmp_path / said)})
    assert found == env | {"HOME": str(tmp_path)}


def test_a_home_that_can_be_written_stays(tmp_path: Path) -> None:
    env = {"JOBYARD_JOB_PATH": "/srv/job", "HOME": str(tmp_path)}
    assert with_home(env) == env
