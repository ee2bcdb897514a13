"""Job ids have the form that the contracts ask for and sort by the time they were minted."""

from pydantic import TypeAdapter

from shared.contracts.base import JobId
from shared.ids import new_id


def test_an_id_is_what_the_contracts_take_for_one() -> None:
    assert TypeAdapter(JobId).validate_python(new_id())


def test_ids_sort_as_they_were_minted_also_within_one_millisecond() -> None:
    minted = [new_id() for _ in range(20_000)]
    assert len({id[:10] for id in minted}) < len(minted)
    assert minted == sorted(minted)
    assert len(set(minted)) == len(minted)
