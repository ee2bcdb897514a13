"""What is to end does, also when it was looking elsewhere as it was told."""

import asyncio

from shared.ending import ended


async def test_a_loop_that_has_lost_a_cancellation_is_cancelled_again() -> None:
    told: list[int] = []

    async def deaf() -> None:
        """As a loop does that asks NATS again and again, and is cancelled when the answer arrives."""
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                told.append(len(told))
                if len(told) == 3:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await ended(task, again_s=0.01)
    assert task.cancelled()
    assert told == [0, 1, 2]


async def test_what_has_failed_or_ended_before_is_no_obstacle() -> None:
    async def fails() -> None:
        raise ValueError

    tasks = [asyncio.create_task(fails()), asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(asyncio.sleep(9))]
    await ended(*tasks)
    assert all(task.done() for task in tasks)
