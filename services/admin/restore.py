"""A restore: a backup becomes the data folder of an installation, whole and checked, or nothing changes.

The streams of NATS begin anew with the next start, and no event from before it is told again: an executor would take
an old placement for a new one. Whoever needs the past asks the jobs service. Jobs that were running have no run here,
so the executor reports each as lost and it is queued again; jobs that were over stay over.
"""

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from services.admin.archive import Manifest, unpack
from services.admin.contents import TELLING, databases
from services.admin.refused import Refused
from shared.contracts.base import Contract
from shared.contracts.job import JobState
from shared.store.sqlite import files


def restore(data: Path, source: Path) -> Manifest:
    """Put the backup into the folder, which has to be empty or missing. Raises Refused, StoreError, OSError."""
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise Refused(f"{data} is not empty. Restore into an empty folder, and start the platform with it.")
    data.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{data.name}.", dir=data.parent))
    try:
        manifest = unpack(source, draft)
        _check(draft, manifest)
        files.mark_all(databases(draft)[TELLING])
        os.rename(draft, data)  # over an empty folder; one that was filled meanwhile refuses
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


class _Placed(Contract):
    """What of a job's document says where it runs."""

    state: JobState


def nodes_in(data: Path) -> dict[str, int]:
    """The nodes whose executors answer for jobs of a restored folder, and for how many. Raises StoreError."""
    found: Counter[str] = Counter()
    for page in files.rows(databases(data)[TELLING], TELLING):
        for row in page:
            allocation = _Placed.model_validate_json(row.body).state.allocation
            if allocation is not None:
                found[allocation.answerer] += 1
    return dict(sorted(found.items()))


def _check(data: Path, manifest: Manifest) -> None:
    """Raises Refused for documents that are not as many as were backed up, StoreError for damage."""
    found = databases(data)
    if TELLING not in found:
        raise Refused("The backup holds no jobs. Take another one.")
    if found.keys() != manifest.documents.keys():
        raise Refused(f"The backup holds documents of {sorted(found)}, its manifest says {sorted(manifest.documents)}.")
    for service, path in found.items():
        files.check(path)
        counts = files.counts(path)
        if counts != manifest.documents[service]:
            raise Refused(f"The backup holds {counts} of {service}, its manifest says {manifest.documents[service]}.")
