"""Makes a run's folders and its ranks' orders: all that can be wrong with a launch before anything is started."""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from services.executor.backends.protocol import Folders, RunOrder
from services.executor.domain.environment import Place, environment
from services.executor.domain.equipment import Equipment
from services.executor.domain.folder_errors import is_final, is_full
from services.executor.domain.rank_table import VARIABLE
from services.executor.domain.record import rank_id
from services.executor.placed import Assignment
from services.executor.rank_tables import RankTables
from services.executor.usage.files import beside
from shared import descent
from shared.contracts.job import Reason, Share
from shared.contracts.masking import hidden_in
from shared.paths import PathOutside, Roots


class Unfit(Exception):
    """The run cannot start; `busy`, `own`: as in `Refused`."""

    def __init__(self, reason: Reason, busy: bool = False, own: bool = False) -> None:
        super().__init__(reason.message)
        self.reason = reason
        self.busy = busy
        self.own = own


class Preparation:
    """Turns assignments into orders. Touches the disk: call it in a thread.

    `reports`: the file a run may report to. `shared`: runs have nothing of this machine but their folders, on a storage
    that is the same for all nodes; then they report to a file in the job's folder.
    """

    def __init__(
        self,
        roots: Roots,
        base: Mapping[str, str],
        reports: Callable[[str], Path],
        equipment: Equipment,
        shared: bool = False,
        rank_tables: RankTables | None = None,
    ) -> None:
        self._roots = roots
        self._base = base
        self._reports = reports
        self._equipment = equipment
        self._shared = shared
        self._rank_tables = rank_tables

    def orders(self, assignment: Assignment) -> list[RunOrder]:
        """The run's ranks, ready to start, their folders made. Raises Unfit."""
        view, launch = assignment.view, assignment.launch
        try:
            # the defaults are those of launches that an older jobs service has written
            job_path = self._made(launch.job_path or f"jobs/{view.id}")
            checkpoints = self._made(launch.checkpoint_path or str(job_path / "checkpoints"))
            data_path = self._existing("data_path", launch.data_path) if launch.data_path else None
            work_path = self._existing("work_path", launch.work_path) if launch.work_path else job_path
            if not stat.S_ISDIR(work_path.stat().st_mode):
                message = f"The work_path {work_path} is no folder."
                raise Unfit(Reason(code="work_path_missing", message=message, details={"path": str(work_path)}))
            table = self._rank_tables.write(assignment, job_path) if self._rank_tables is not None else None
        except PathOutside as error:
            raise Unfit(Reason(code="path_outside", message=str(error), details={"path": error.path})) from error
        except OSError as error:
            raise self._unusable(error) from error
        folders = Folders(job_path, checkpoints, work_path, data_path, self._reports(assignment.run_id), table)
        also = {VARIABLE: str(table)} if table is not None else {}
        return [self._order(assignment, share, folders, also) for share in assignment.shares]

    def _order(self, assignment: Assignment, share: Share, folders: Folders, also: Mapping[str, str]) -> RunOrder:
        """All ranks have the same folders; each reports to a file of its own."""
        view, launch = assignment.view, assignment.launch
        id = rank_id(assignment.run_id, share.rank)
        folders = replace(folders, reports=beside(folders.job, id) if self._shared else self._reports(id))
        place = Place(
            job_path=str(folders.job),
            checkpoint_path=str(folders.checkpoints),
            metrics_file=str(folders.reports),
            data_path=str(folders.data) if folders.data else None,
            rank=share.rank,
            ranks=len(assignment.shares),
            port=assignment.port,
            devices=share.devices,
            visible=self._equipment.visible(view.device_type, share.devices),
        )
        return RunOrder(
            run_id=id,
            job_id=view.id,
            attempt=view.state.attempt,
            rank=share.rank,
            ranks=len(assignment.shares),
            node=share.node,
            owner=view.owner,
            vc=view.vc,
            image=launch.image,
            login=assignment.login,
            device_type=view.device_type,
            devices=share.devices,
            cpus=view.cpus,
            memory_mib=view.memory_mib,
            folders=folders,
            argv=("/bin/sh", "-c", launch.command) if isinstance(launch.command, str) else launch.command,
            env=environment(
                {**self._base, **also}, {**launch.env, **assignment.secrets}, view.id, view.state.attempt, place
            ),
            grace_s=view.grace_period_s,
            hidden=hidden_in(assignment.secrets.values()),
            secrets=frozenset(assignment.secrets),
        )

    def _made(self, path: str) -> Path:
        resolved = self._roots.resolve(path)
        descent.make(resolved)
        return resolved

    def _existing(self, name: str, path: str) -> Path:
        resolved = self._roots.resolve(path)
        try:
            resolved.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            message = f"The {name} {path!r} does not exist on this node. Create it, or submit with another path."
            raise Unfit(Reason(code=f"{name}_missing", message=message, details={"path": str(resolved)})) from error
        return resolved

    def _unusable(self, error: OSError) -> Unfit:
        """What passes is no node's fault where all have the same storage."""
        if is_full(error):
            message = f"The disk that has {error.filename} is full."
            reason = Reason(code="disk_full", message=message, details={"path": str(error.filename)})
            return Unfit(reason, busy=True, own=self._shared)
        said = os.strerror(error.errno) if error.errno else str(error)
        passes = not is_final(error)
        message = f"The folder {error.filename} cannot be used{' just now' if passes else ''}: {said}."
        reason = Reason(code="path_unusable", message=message, details={"path": str(error.filename), "error": said})
        return Unfit(reason, busy=passes, own=passes and self._shared)
