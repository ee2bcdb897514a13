"""Plans as commands: each fits in a message, and so does the answer, which tells of each decision once more."""

from dataclasses import replace

from services.scheduler.commands import commands_of
from services.scheduler.domain.promise import room_for
from shared.contracts.commands.scheduling import Preemption
from tests.support.yard import Yard, job, job_id, node

MOST = 20_000


def test_preemptions_for_a_gang_on_many_nodes_fit_though_each_tells_of_all_its_places() -> None:
    names = [f"node-{number}-with-a-rather-long-name-of-this-cluster" for number in range(64)]
    losers = [job(number, cpus=2) for number in range(64)]
    winner = job(100, nodes=64, cpus=2)
    yard = Yard(*(node(name, cpus=2) for name in names))
    yard.submit(*losers, winner)
    places = tuple((name, 1) for name in names)
    preemptions = tuple(
        Preemption(id=loser.id, version=1, reason=room_for(winner, loser, [name], places))
        for loser, name in zip(losers, names, strict=True)
    )
    decided = replace(yard.plan(), placements=(), preemptions=preemptions)
    commands = list(commands_of(decided, yard.snapshot, 1, MOST))
    assert [one.id for command in commands for one in command.preemptions] == [job_id(number) for number in range(64)]
    assert all(2 * len(command.model_dump_json()) <= MOST for command in commands)
    assert len(commands) < len(losers), "several in one"
