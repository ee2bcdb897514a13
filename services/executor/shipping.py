"""Ships what runs write: every run of this node whose output is followed."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.executor.pace import Pace
from services.executor.shipment import RunLog, Shipment
from shared.bus.bus import Bus

POLL_S = 1.0
"""Runs announce their output; this is for an announcement that was lost."""


class Shipper:
    """Every run whose output is being shipped. `output` says where a run's file is."""

    def __init__(self, bus: Bus, output: Callable[[str], Path]) -> None:
        self._bus = bus
        self._output = output
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shipping")
        self._pace = Pace()
        self._shipments: dict[str, Shipment] = {}

    def follow(self, run: RunLog) -> None:
        """Ship the run's output from now on; once is enough. What is there already is found by the next poll."""
        if run.run_id not in self._shipments:
            self._shipments[run.run_id] = self._shipment(run)

    def wrote(self, run_id: str) -> None:
        """The run has new output."""
        if shipment := self._shipments.get(run_id):
            shipment.look()

    async def finish(self, run: RunLog, ended_ns: int) -> int:
        """Ship the last of the run's output; how many lines it wrote in all. Returns when the stream has stored it."""
        shipment = self._shipments.pop(run.run_id, None) or self._shipment(run)
        return await shipment.finish(ended_ns)

    async def poll(self) -> None:
        """Look at every run now and then, until cancelled: an announcement may have been lost."""
        while True:
            await asyncio.sleep(POLL_S)
            shipments = list(self._shipments.values())
            for shipment in await asyncio.get_running_loop().run_in_executor(self._thread, _behind, shipments):
                shipment.look()

    def _shipment(self, run: RunLog) -> Shipment:
        return Shipment(run, self._output(run.run_id), self._bus, self._thread, self._pace)

    async def close(self) -> None:
        """Stop shipping. Nothing is read any more when this returns."""
        shipments = list(self._shipments.values())
        self._shipments.clear()
        await asyncio.gather(*(shipment.close() for shipment in shipments))
        await asyncio.to_thread(self._thread.shutdown)


def _behind(shipments: Sequence[Shipment]) -> list[Shipment]:
    """Asks the disk for the size of each file: of many runs most are quiet."""
    return [shipment for shipment in shipments if shipment.is_behind()]
