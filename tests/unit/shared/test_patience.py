"""What is not there yet at a start is no warning; what stays away is one."""

import pytest
from structlog.testing import capture_logs

from shared.contracts.errors import TemporaryError
from shared.patience import until_each_works, until_it_works


class Late:
    """Something that is away for the first times that somebody needs it."""

    def __init__(self, times: int) -> None:
        self.left = times

    async def __call__(self) -> None:
        if self.left:
            self.left -= 1
            raise TemporaryError("It is not there yet.")


@pytest.mark.parametrize(("patient_s", "level"), [(3600.0, "info"), (0.0, "warning")])
async def test_being_away_is_a_warning_only_when_patience_is_over(patient_s: float, level: str) -> None:
    with capture_logs() as logs:
        await until_it_works(Late(2), "streams_away", patient_s)
    assert [(line["event"], line["log_level"]) for line in logs] == [("streams_away", level)] * 2


async def test_what_will_not_come_by_waiting_is_raised() -> None:
    async def broken() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await until_it_works(broken, "streams_away")


async def test_what_an_earlier_step_has_begun_is_not_begun_again_while_a_later_one_waits() -> None:
    begun: list[str] = []
    late = Late(2)

    async def first() -> None:
        begun.append("first")

    async def second() -> None:
        await late()
        begun.append("second")

    await until_each_works((first, second), "start_delayed")
    assert begun == ["first", "second"]
