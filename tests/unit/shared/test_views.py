"""Jobs asked for by their ids: all of them, in as many questions as their replies need."""

from typing import Any

from shared.bus.bus import Bus
from shared.contracts.commands.command import Command
from shared.contracts.commands.jobs import JobViews
from shared.views import AT_ONCE, views_of
from tests.support.executor import view_of
from tests.support.yard import job_id


class Service(Bus):
    """A jobs service that knows every job, and whose replies have room for 50."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def ask(self, command: Command[Any, Any], ask: Any, timeout: float = 5.0) -> Any:
        command.ask.model_validate_json(ask.model_dump_json())
        self.asked.append(len(ask.ids))
        return JobViews(items=tuple(view_of(id) for id in ask.ids[:50]), left=ask.ids[50:])


async def test_all_jobs_are_asked_for_until_none_is_left() -> None:
    ids = [job_id(number) for number in range(2 * AT_ONCE + 10)]
    views = await views_of(Service(), [*ids, *ids[:5]])
    assert sorted(view.id for view in views) == ids


async def test_nobody_is_asked_for_nothing() -> None:
    service = Service()
    assert await views_of(service, []) == []
    assert service.asked == []
