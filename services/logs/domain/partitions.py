"""Which log partitions a replica has, when one replica is not enough for all of them.

Replica `n` of `m` has the partitions whose number leaves `n` when divided by `m`, so every partition has exactly one
place among the `m`, and each place may itself be held by several processes.
"""

import re
from dataclasses import dataclass

from shared.contracts.subjects import LOG_PARTITIONS

_FORM = re.compile(r"([0-9]{1,2})/([0-9]{1,2})")


@dataclass(frozen=True)
class Partitions:
    """The part of one replica: `replica`, from 0, of so many `replicas`."""

    replica: int = 0
    replicas: int = 1

    @classmethod
    def parse(cls, text: str) -> "Partitions":
        """`0/2` is the first half. Raises ValueError."""
        found = _FORM.fullmatch(text.strip())
        replica, replicas = (int(part) for part in found.groups()) if found else (0, 0)
        if not replica < replicas <= LOG_PARTITIONS:
            raise ValueError(
                f"{text!r} is no part of the logs; the first of two replicas has '0/2', the second '1/2', "
                f"and there are at most {LOG_PARTITIONS}"
            )
        return cls(replica, replicas)

    @property
    def all(self) -> bool:
        """Nothing is divided."""
        return self.replicas == 1

    @property
    def numbers(self) -> tuple[int, ...]:
        """The partitions that this replica has."""
        return tuple(range(self.replica, LOG_PARTITIONS, self.replicas))

    def __contains__(self, partition: int) -> bool:
        return partition % self.replicas == self.replica

    def __str__(self) -> str:
        return f"{self.replica}/{self.replicas}"
