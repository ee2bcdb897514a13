"""However many runs show unfinished lines, so many are told a second and no more."""

from services.executor.pace import MOST_TOLD, PACE_S, Pace


def test_a_few_runs_are_told_of_as_often_as_one_looks() -> None:
    pace = Pace()
    pace.note("a", True)
    assert pace.seconds == PACE_S


def test_many_runs_share_what_is_told() -> None:
    pace = Pace()
    for number in range(1000):
        pace.note(str(number), True)
        pace.note(str(number), True)
    assert 1000 / pace.seconds == MOST_TOLD


def test_a_run_that_shows_nothing_any_more_makes_room() -> None:
    pace = Pace()
    for number in range(1000):
        pace.note(str(number), True)
    for number in range(1000):
        pace.note(str(number), False)
    assert pace.seconds == PACE_S
