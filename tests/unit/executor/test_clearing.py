"""Removing the groups of runs that are over: what goes wrong is said, and neither the next run nor the end waits."""

from collections.abc import Iterable
from pathlib import Path

from structlog.testing import capture_logs

from services.executor.backends.process.usage.clearing import Clearing
from services.executor.backends.process.usage.groups import Groups
from tests.support.waiting import until


class Fragile(Groups):
    """Fails in a way that nobody has foreseen, until it is mended."""

    mended = False

    def remove(self, run_ids: Iterable[str]) -> set[str]:
        if not self.mended:
            raise RecursionError("too deep")
        return super().remove(run_ids)


async def test_a_clearing_that_fails_is_logged_and_the_next_one_works(tmp_path: Path) -> None:
    groups = Fragile(tmp_path, ())
    groups.parts = groups.parts._replace(memory=str(tmp_path))
    clearing = Clearing(groups)
    with capture_logs() as said:
        clearing.add("a.1")
        await until(lambda: said, "it says what went wrong")
        await clearing.close()
    assert [(each["event"], each["log_level"]) for each in said] == [("clearing_failed", "error")]
    groups.mended = True
    (tmp_path / "b.1" / "inside").mkdir(parents=True)
    clearing.add("b.1")
    await until(lambda: not (tmp_path / "b.1").exists(), "the next one's group is gone")
    await clearing.close()
