"""Pages of series: all of them, each once, and every page fits in a message."""

import pytest

from services.metrics.domain.page import PAGE_BYTES, page_of
from shared.contracts.metrics import MAX_POINTS, MetricsPage, Series

MESSAGE_BYTES = 512 * 1024


def series(name: str, points: int) -> Series:
    """With times and values as long as they come."""
    times = tuple(1_795_858_200.123 + number for number in range(points))
    return Series(name=name, unit="", times=times, values=(-1.2345678901234567e-308,) * points)


def pages(every: list[Series]) -> list[tuple[Series, ...]]:
    found, more, skip = [], True, 0
    while more:
        page, more = page_of(every, skip)
        assert len(MetricsPage(series=page, source="ring", more=more).model_dump_json()) < MESSAGE_BYTES
        found.append(page)
        skip += len(page)
    return found


@pytest.mark.parametrize("points", [0, 1, 241, 780, MAX_POINTS])
def test_every_series_comes_once_and_every_page_fits(points: int) -> None:
    every = [series(f"name{number}", points) for number in range(110)]
    found = pages(every)
    assert [one for page in found for one in page] == every
    assert (len(found) > 1) == (points > 80)


def test_a_page_is_filled_and_one_series_is_always_in_it() -> None:
    every = [series("large", 20_000), series("small", 1), series("other", 1)]
    assert [len(page) for page in pages_of(every)] == [1, 2]


def pages_of(every: list[Series]) -> list[tuple[Series, ...]]:
    first, more = page_of(every, 0)
    assert more
    second, more = page_of(every, len(first))
    assert not more
    return [first, second]


@pytest.mark.parametrize("skip", [3, 4, 10**30])
def test_after_the_last_there_is_nothing(skip: int) -> None:
    assert page_of([series("one", 1)] * 3, skip) == ((), False)


def test_a_graph_of_all_families_over_an_hour_is_one_page() -> None:
    assert len(pages([series(f"name{number}", 721) for number in range(10)])) == 1
    assert PAGE_BYTES < MESSAGE_BYTES
