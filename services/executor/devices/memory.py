"""What devices an executor has found on the running machine, kept for the next one: runs outlive it, and hold them by
their indices. A device that is not found any more must not give its index to another, which a run may hold.
"""

from collections.abc import Iterable
from pathlib import Path

import structlog
from pydantic import ValidationError

from services.executor.domain.equipment import Device
from shared.contracts.base import Contract

log = structlog.get_logger()


class _Found(Contract):
    boot_id: str
    devices: tuple[Device, ...]


class Memory:
    """One file. Of an earlier start of the machine nothing counts: no run has survived that."""

    def __init__(self, path: Path, boot_id: str) -> None:
        self._path = path
        self._boot_id = boot_id

    def recall(self) -> tuple[Device, ...]:
        """Those that were found, by type and in their order."""
        try:
            found = _Found.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            log.warning("devices_forgotten", path=str(self._path), error=str(error))
            return ()
        return found.devices if found.boot_id == self._boot_id else ()

    def keep(self, devices: Iterable[Device]) -> None:
        """Instead of what was kept before."""
        found = _Found(boot_id=self._boot_id, devices=tuple(devices))
        draft = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(found.model_dump_json())
            draft.replace(self._path)
        except OSError as error:
            log.warning("devices_not_kept", path=str(self._path), error=str(error))
