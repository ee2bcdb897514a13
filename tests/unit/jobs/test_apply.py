"""A job that has changed more often than any honest one."""

from pathlib import Path

import pytest

from services.jobs.apply import HISTORY_LIMIT
from services.jobs.domain.signals import Kill, Pause
from services.jobs.domain.submission import submit
from shared.contracts.commands.submission import NewJob
from shared.contracts.errors import Conflict
from shared.contracts.job import Actor, JobRequest, JobStatus
from shared.ids import new_id
from tests.support.jobs import applier

ADA = Actor(kind="user", name="ada")


async def test_a_job_whose_history_is_full_can_be_killed_as_its_refusal_says_and_nothing_else(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, clock):
        new = NewJob(id=new_id(), owner="ada", request=JobRequest(name="j", command="true"))
        full = submit(new, clock.now()).model_copy(update={"version": HISTORY_LIMIT})
        await jobs.store.jobs.insert(full)
        with pytest.raises(Conflict, match="kill it"):
            await jobs.change(full.id, Pause(), ADA, None)
        assert (await jobs.change(full.id, Kill(), ADA, None)).status is JobStatus.KILLED
