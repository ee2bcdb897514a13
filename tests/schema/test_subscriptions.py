"""Every command has one service that answers it, the one that its subject names, and every event has a listener."""

import fnmatch

import pytest

from docs.tools.contracts import FACTS
from docs.tools.messages import SERVICES
from shared.bus.subscriptions import Answers
from shared.contracts.commands.command import Command
from shared.contracts.commands.every import COMMANDS
from shared.contracts.subjects import EVENTS

ANSWERED = [
    (service, one.command)
    for service, subscriptions in SERVICES.items()
    for one in subscriptions
    if isinstance(one, Answers)
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.subject)
def test_its_owner_answers_a_command(command: Command) -> None:  # type: ignore[type-arg]  # whatever it asks
    assert [service for service, answered in ANSWERED if answered is command] == [command.owner]


def test_nothing_else_is_answered() -> None:
    assert {command.subject for _, command in ANSWERED} == {command.subject for command in COMMANDS}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_hears_only_what_somebody_publishes(service: str) -> None:
    published = {f"{fact.address.split('{')[0]}x.y" for fact in FACTS}
    for one in SERVICES[service]:
        if not isinstance(one, Answers) and one.stream == EVENTS:
            for subject in one.subjects:
                assert fnmatch.filter(published, subject.replace(">", "*")), f"nobody publishes {subject}"
