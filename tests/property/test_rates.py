"""Rates against a plain model: whatever the samples, each step counts what its own attempt used, once and never less
than nothing.
"""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.domain.grid import Grid, rate

Samples = list[tuple[float, int, float]]

GRID = Grid(start=1000.0, end=2000.0, step=50.0)


@st.composite
def attempts(draw: st.DrawFn) -> Samples:
    """Runs one after another, each with a counter that begins at nothing and never falls."""
    samples: Samples = []
    time = draw(st.integers(800, 1200))
    for attempt in range(1, draw(st.integers(1, 4)) + 1):
        counter = 0
        for _ in range(draw(st.integers(0, 15))):
            time += draw(st.integers(1, 120))
            counter += draw(st.integers(0, 1000))
            samples.append((float(time), attempt, float(counter)))
    return samples


def model(samples: Samples) -> dict[float, float]:
    """Of each attempt by itself; of two in one step, the later one's."""
    points: dict[float, float] = {}
    for _, run in groupby(samples, key=lambda sample: sample[1]):
        before: tuple[float, float] | None = None
        steps = groupby(run, key=lambda sample: -(-(sample[0] - GRID.start) // GRID.step))
        for step, those in steps:
            inside = [(time, value) for time, _, value in those]
            since, last = before or inside[0], inside[-1]
            if last[0] > since[0] and 0 <= step <= (GRID.end - GRID.start) // GRID.step:
                points[GRID.start + step * GRID.step] = (last[1] - since[1]) / (last[0] - since[0])
            before = last
    return points


@given(attempts())
def test_a_rate_is_what_the_model_says_and_never_negative(samples: Samples) -> None:
    found = rate(GRID, samples)
    assert found == pytest.approx(model(samples))
    assert all(value >= 0 for value in found.values())


@given(attempts(), st.integers(1, 1000))
def test_what_a_counter_begins_at_does_not_matter(samples: Samples, more: int) -> None:
    moved = [(time, attempt, value + more * attempt) for time, attempt, value in samples]
    assert rate(GRID, moved) == pytest.approx(rate(GRID, samples))


@given(st.lists(st.integers(1, 120), min_size=2, max_size=30), st.integers(0, 64))
def test_what_goes_on_steadily_has_one_rate_everywhere(waits: list[int], slope: int) -> None:
    times = [900.0 + sum(waits[: number + 1]) for number in range(len(waits))]
    assert set(rate(GRID, [(time, 1, time * slope) for time in times]).values()) <= {float(slope)}
