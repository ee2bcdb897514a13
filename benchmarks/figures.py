"""How a figure is written down: its name, what was measured, the goal, and what the machine itself can do."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure. `better` says which side of the goal is good."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    better: str = "lower"
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal was reached; None without one."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all lie at or below (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def show(title: str, figures: Sequence[Figure]) -> None:
    """Print a table of figures."""
    head(title)
    for figure in figures:
        row(figure)


def head(title: str) -> None:
    """Begin a table."""
    print(f"\n## {title}\n")
    print(f"{'figure':<58} {'measured':>14} {'goal':>12}  reached", flush=True)


def row(figure: Figure) -> None:
    """Print one figure as a line of it."""
    goal = "" if figure.goal is None else f"{'<=' if figure.better == 'lower' else '>='} {figure.goal:,.10g}"
    reached = {None: "", True: "yes", False: "no"}[figure.reached]
    value = f"{figure.value:,.2f}" if figure.value < 100 else f"{figure.value:,.0f}"
    print(f"{figure.name:<58} {value + ' ' + figure.unit:>14} {goal:>12}  {reached:<4} {figure.note}", flush=True)
