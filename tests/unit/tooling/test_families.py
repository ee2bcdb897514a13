"""The table of families in docs/metrics.md: all that is exported, in its place, and no other line touched."""

import pytest

from docs.tools.families import BEGIN, END, document
from shared.contracts.families import EXPORTED


def test_the_table_names_everything_that_is_exported_and_leaves_the_page_around_it_alone() -> None:
    page = document(f"above\n{BEGIN}old\n{END}\nbelow\n")
    assert page.startswith(f"above\n{BEGIN}| family |")
    assert page.endswith(f"{END}\nbelow\n")
    assert "old" not in page
    assert all(f"| {one.family} | `{one.name}` |" in page for one in EXPORTED)
    assert document(page) == page


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}\n{BEGIN}"])
def test_a_page_without_a_place_for_the_table_is_refused_with_a_sentence(page: str) -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        document(page)
