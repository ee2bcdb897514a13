"""With CI set, a skipped test is a failed one: there, nothing may be missing. Helpers live in tests/support/.

Where tests run side by side (pytest-xdist), a file is one worker's, so that its tests share what its fixtures start,
and the slow kinds of tests come first: no long file is begun when there is nothing left to do beside it.
"""

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

from tests.support.sharing_out import turn_of

settings.register_profile("jobyard", settings(deadline=None))  # a busy machine is no failure
settings.load_profile("jobyard")


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"With CI set, nothing may be skipped. {why}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    report = yield
    _refuse_skip(report)
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: turn_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.support.sharing_out import Files

    return Files(config, log)
