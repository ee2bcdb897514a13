"""What a run finds in its environment: a small clean base, the submission's own, and the platform's word last."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from services.executor.domain.record import rank_id, run_id

PASSED_ON = frozenset(
    {
        "CONDA_PREFIX",
        "HOME",
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "LOGNAME",
        "PATH",
        "SHELL",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
    }
)
"""Of the executor's own environment; beside these only `LC_*` and what the operator names."""

CHECKPOINT_DIR = "JOBYARD_CHECKPOINT_DIR"
"""Where a run keeps its checkpoints; the platform looks there too."""

METRICS_FILE = "JOBYARD_METRICS_FILE"
"""What a run appends lines of JSON to, to report values of its own."""

_PATH = "/usr/local/bin:/usr/bin:/bin"
_PORTS = range(20_000, 30_000)


@dataclass(frozen=True)
class Place:
    """Where one rank of a run lives: resolved folders, and the devices it was given."""

    job_path: str
    checkpoint_path: str
    metrics_file: str
    data_path: str | None
    rank: int
    ranks: int
    port: int
    """Where the ranks of the run meet."""
    devices: tuple[int, ...]
    visible: Mapping[str, str]
    """The variables by which the devices' own libraries see these and no others (`Equipment.visible`)."""


def ports(run_id: str) -> Iterator[int]:
    """Where the ranks of a run may meet, in the order to try: the same whenever it is asked, another for other runs."""
    first = zlib.crc32(run_id.encode()) % len(_PORTS)
    yield from (*_PORTS[first:], *_PORTS[:first])


def base(own: Mapping[str, str], also: Iterable[str] = ()) -> dict[str, str]:
    """The part of the executor's environment that runs may see: never the platform's settings and secrets."""
    names = {name for name in own if name in PASSED_ON or name.startswith("LC_")}
    return {"PATH": _PATH, **_passed(own, names), **bare(own, also)}


def bare(own: Mapping[str, str], also: Iterable[str] = ()) -> dict[str, str]:
    """The same for runs whose image says where things are."""
    return {**_passed(own, set(also) & set(own)), "PYTHONUNBUFFERED": "1"}


def _passed(own: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: own[name] for name in sorted(names) if not name.startswith("JOBYARD_")}


def environment(
    base: Mapping[str, str], submitted: Mapping[str, str], job_id: str, attempt: int, place: Place
) -> dict[str, str]:
    """Everything that the command finds. A submission may replace the base, not what the platform says."""
    said = {
        "JOBYARD_JOB_ID": job_id,
        "JOBYARD_ATTEMPT": str(attempt),
        "JOBYARD_RUN_ID": rank_id(run_id(job_id, attempt), place.rank),
        "JOBYARD_JOB_PATH": place.job_path,
        CHECKPOINT_DIR: place.checkpoint_path,
        METRICS_FILE: place.metrics_file,
        "JOBYARD_DEVICES": ",".join(map(str, place.devices)),
        **place.visible,
        "RANK": str(place.rank),
        "WORLD_SIZE": str(place.ranks),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(place.port),
    }
    if attempt > 1:
        said["JOBYARD_RESUME"] = "1"
    if place.data_path is not None:
        said["JOBYARD_DATA_PATH"] = place.data_path
    return {**base, **submitted, **said}
