"""A jobs service whose runs are told by the test: the whole life of a job without an executor, for what counts them."""

from datetime import datetime, timedelta
from typing import Any

from shared.bus.bus import Bus
from shared.contracts import subjects
from shared.contracts.commands.jobs import GET, GetJob
from shared.contracts.commands.metrics import SUMMARIES, USAGE
from shared.contracts.commands.scheduling import LEAD, PLACE, Lead, Place, Placement
from shared.contracts.commands.submission import SUBMIT, NewJob, SubmitJobs
from shared.contracts.events import RunEvent, RunExited, RunStarted, RunStopped, run_envelope
from shared.contracts.job import Allocation, Job, JobRequest, Share
from shared.contracts.metrics import AskSummaries, AskUsage, JobUsage, UsageRow
from shared.ids import new_id
from tests.support.waiting import until

NODE = "node-1"
HERE = Allocation(shares=(Share(node=NODE),))


class UsageYard:
    """What a test does with jobs, and asks of what they used."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def submit(self, owner: str = "ada", **request: Any) -> str:
        job = NewJob(id=new_id(), owner=owner, request=JobRequest(**({"name": "train", "command": "true"} | request)))
        await self.bus.ask(SUBMIT, SubmitJobs(jobs=(job,)))
        return job.id

    async def place(self, *ids: str) -> None:
        lease = await self.bus.ask(LEAD, Lead(contender="test"))
        jobs = [await self.job(id) for id in ids]
        placements = tuple(Placement(id=job.id, version=job.version, allocation=HERE) for job in jobs)
        outcomes = (await self.bus.ask(PLACE, Place(epoch=lease.epoch, placements=placements))).outcomes
        assert all(outcome.done for outcome in outcomes)

    async def job(self, id: str) -> Job:
        return await self.bus.ask(GET, GetJob(id=id))

    async def start(self, id: str, at: datetime) -> None:
        await self._tell(RunStarted(**await self._run(id), started_at=at), at)

    async def exit(self, id: str, started_at: datetime, seconds: float, code: int = 0, **more: Any) -> None:
        """The run's end by itself, with what it used where `usage` says so."""
        ended_at = started_at + timedelta(seconds=seconds)
        times: dict[str, Any] = {"started_at": started_at, "ended_at": ended_at}
        await self._tell(RunExited(**await self._run(id), **times, exit_code=code, **more), ended_at)

    async def stop(self, id: str, started_at: datetime, seconds: float, **more: Any) -> None:
        """The run's end after it was told to stop."""
        ended_at = started_at + timedelta(seconds=seconds)
        times: dict[str, Any] = {"started_at": started_at, "ended_at": ended_at}
        await self._tell(RunStopped(**await self._run(id), **times, exit_code=0, **more), ended_at)

    async def reached(self, id: str, status: str) -> Job:
        async def is_there() -> bool:
            return (await self.job(id)).status == status

        await until(is_there, f"{id} is {status}")
        return await self.job(id)

    async def usage(self, *ids: str) -> dict[str, JobUsage]:
        found = await self.bus.ask(SUMMARIES, AskSummaries(job_ids=ids))
        return {usage.job_id: usage for usage in found.items}

    async def counted(self, id: str, runs: int) -> JobUsage:
        """What the job has used, once so many of its attempts are counted."""

        async def is_counted() -> bool:
            usage = (await self.usage(id)).get(id)
            return usage is not None and usage.runs == runs

        await until(is_counted, f"{runs} attempts of {id} are counted")
        return (await self.usage(id))[id]

    async def rows(self, day: datetime, days: int = 1, **ask: Any) -> list[UsageRow]:
        last = day.date() + timedelta(days=days - 1)
        return list((await self.bus.ask(USAGE, AskUsage(first=day.date(), last=last, **ask))).rows)

    async def _run(self, id: str) -> dict[str, Any]:
        job = await self.job(id)
        return {"job_id": id, "vc": job.vc, "attempt": job.attempt, "node": NODE}

    async def _tell(self, event: RunEvent, at: datetime) -> None:
        envelope = run_envelope(event, f"/executor/{NODE}", at, None)
        await self.bus.publish(subjects.run_event(event), envelope)
