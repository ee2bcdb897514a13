"""Makes a run's folders and its ranks' orders: all that can be wrong with a launch before anything is started."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from services.executor.backends.protocol import Folders, RunOrder
from services.executor.domain.environment import Place, environment
from services.executor.domain.equipment import Equipment
from services.executor.domain.folder_errors import is_final
from services.executor.domain.rank_table import VARIABLE
from services.executor.domain.record import rank_id
from services.executor.folder_trouble import trouble
from services.executor.placed import Assignment
from services.executor.rank_tables import RankTables
from services.executor.storages import Storages
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
    """Turns assignments into orders.

    `reports`: the file a run may report to. `shared`: runs have nothing of this machine but their folders, on a storage
    that is the same for all nodes; then they report to a file in the job's folder.
    """

    def __init__(
        self,
        roots: Roots,
        base: Mapping[str, str],
        reports: Callable[[str], Path],
        equipment: Equipment,
        storages: Storages,
        shared: bool = False,
        rank_tables: RankTables | None = None,
    ) -> None:
        self._roots = roots
        self._base = base
        self._reports = reports
        self._equipment = equipment
        self._storages = storages
        self._shared = shared
        self._rank_tables = rank_tables

    async def folders(self, assignment: Assignment) -> Folders:
        """The run's, now that they are there. Waits for their storages, and for none that is silent. Raises Unfit."""
        view, launch = assignment.view, assignment.launch
        try:
            # the defaults are those of launches that an older jobs service has written
            job = await self._at(launch.job_path or f"jobs/{view.id}", self._made)
            checkpoints = await self._at(launch.checkpoint_path or str(job / "checkpoints"), self._made)
            data = await self._at(launch.data_path, partial(self._existing, "data_path")) if launch.data_path else None
            work = await self._at(launch.work_path, self._work_folder) if launch.work_path else job
            write = self._rank_tables.write if self._rank_tables is not None else None
            table = await self._storages.at(job, partial(write, assignment, job)) if write is not None else None
        except PathOutside as error:
            raise Unfit(Reason(code="path_outside", message=str(error), details={"path": error.path})) from error
        except OSError as error:
            passes = not is_final(error)  # no node's fault where all have the same storage
            raise Unfit(trouble(error), busy=passes, own=passes and self._shared) from error
        return Folders(job, checkpoints, work, data, self._reports(assignment.run_id), table)

    def orders(self, assignment: Assignment, folders: Folders) -> list[RunOrder]:
        """The run's ranks, ready to start."""
        also = {VARIABLE: str(folders.table)} if folders.table is not None else {}
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

    async def _at(self, path: str, work: Callable[[str], Path]) -> Path:
        return await self._storages.at(self._roots.named(path), partial(work, path))

    def _made(self, path: str) -> Path:
        resolved = self._roots.resolve(path)
        descent.make(resolved)
        return resolved

    def _existing(self, name: str, path: str) -> Path:
        resolved = self._roots.resolve(path)
        try:
            resolved.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            message = f"The {name} {resolved} does not exist on this node. Create it, or submit with another path."
            if not path.startswith("/"):
                message += f" {path!r} starts at the platform's storage; `jobyard submit` takes './{path}' as your own."
            raise Unfit(Reason(code=f"{name}_missing", message=message, details={"path": str(resolved)})) from error
        return resolved

    def _work_folder(self, path: str) -> Path:
        resolved = self._existing("work_path", path)
        if not resolved.is_dir():
            message = f"The work_path {resolved} is no folder."
            raise Unfit(Reason(code="work_path_missing", message=message, details={"path": str(resolved)}))
        return resolved
