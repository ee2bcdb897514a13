"""Writes the rank table of a run that has several NPUs into the job's folder, where all of its ranks find it.

In pods that is the affair of `backends.kubernetes.rendezvous`: only the cluster knows there which NPUs a rank has.
"""

import json
from pathlib import Path

from services.executor.domain.equipment import Equipment
from services.executor.domain.rank_table import Npu, Seat, addresses, file_name, rank_table
from services.executor.placed import Assignment
from shared import descent

HCCN = Path("/etc/hccn.conf")


class RankTables:
    """Of one machine's runs: all of their ranks share it. `hccn`: where Huawei's tools keep its NPUs' addresses."""

    def __init__(self, equipment: Equipment, hccn: Path = HCCN) -> None:
        self._equipment = equipment
        self._hccn = hccn

    def write(self, assignment: Assignment, folder: Path) -> Path | None:
        """Where the table is; none for a run that needs none. Raises OSError."""
        device_type = assignment.view.device_type
        if not self._equipment.is_npu(device_type):
            return None
        reached = self._addresses()
        seats = [
            Seat(
                share.node,
                tuple(
                    Npu(number, reached.get(number)) for number in self._equipment.numbers(device_type, share.devices)
                ),
            )
            for share in assignment.shares
        ]
        if sum(len(seat.npus) for seat in seats) < 2:
            return None
        path = folder / file_name(assignment.run_id)
        descent.write(path, json.dumps(rank_table(seats), indent=1))
        return path

    def _addresses(self) -> dict[int, str]:
        """None of simulated ones, and none where the tools were never used: on one server they are not needed."""
        if self._equipment.simulated:
            return {}
        try:
            return dict(addresses(self._hccn.read_text(errors="replace").splitlines()))
        except OSError:
            return {}
