"""Replicas that divide the partitions have each of them in exactly one place."""

import pytest

from services.logs.domain.partitions import Partitions
from services.logs.settings import LogsSettings
from shared.contracts.subjects import LOG_PARTITIONS
from shared.wrong_settings import WrongSettings


@pytest.mark.parametrize("replicas", range(1, LOG_PARTITIONS + 1))
def test_every_partition_has_one_place(replicas: int) -> None:
    parts = [Partitions(replica, replicas) for replica in range(replicas)]
    assert sorted(number for part in parts for number in part.numbers) == list(range(LOG_PARTITIONS))
    for part in parts:
        assert part.numbers
        assert [number for number in range(LOG_PARTITIONS) if number in part] == list(part.numbers)


def test_what_is_written_is_what_is_read() -> None:
    assert Partitions.parse(" 1/2 ") == Partitions(1, 2)
    assert Partitions.parse(str(Partitions(3, 5))) == Partitions(3, 5)
    assert Partitions.parse("0/1").all


@pytest.mark.parametrize("text", ["", "1", "2/2", "1/0", "-1/2", "0/17", "1/2/3", "a/b", "٢/٣", "0/999999999999"])
def test_what_is_no_part_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="the first of two replicas has '0/2'"):
        Partitions.parse(text)


def test_it_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LogsSettings().partitions.all
    monkeypatch.setenv("JOBYARD_LOGS_PARTITIONS", "1/2")
    assert LogsSettings().partitions == Partitions(1, 2)
    monkeypatch.setenv("JOBYARD_LOGS_PARTITIONS", "2/2")
    with pytest.raises(WrongSettings, match="is no part of the logs"):
        LogsSettings()
