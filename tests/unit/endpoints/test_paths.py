"""A path that could mean another one is refused before anything is sent."""

import pytest

from services.endpoints.domain.paths import check
from shared.contracts.errors import Invalid


@pytest.mark.parametrize(
    "path",
    [
        *("/a/../b", "/..", "/a/.", "/./a", "/a/..;x=1/b"),
        *("/%2e%2e/a", "/a/%2E%2e", "/.%2e/a", "/a/%2e./b", "/%2e/a"),
        *("/%252e%252e/a", "/%25252e%25252e/a", "/a%2f..%2fb", "/a%252f%252e%252e/b"),
        *("/a\\b", "/a%5cb", "/a%255c..", "/..%5c.."),
        *("/a%00", "/a%2500b", "/a%0d%0aX: y", "/a%7f"),
        *("/%c0%ae%c0%ae/a", "/%c1%9c", "/%u002e%u002e/", "/%2", "/100%", "/ä", "/a b"),
        "/%" + "25" * 20 + "2e",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused_in_every_encoding(path: str) -> None:
    with pytest.raises(Invalid, match="This path is not taken"):
        check(path)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "//", "/a//b/", "/a/...", "/a..b", "/..a/b", "/.hidden", "/a;v=1/b"),
        *("/%41", "/a%2Fb", "/@scope%2Fname", "/100%25", "/caf%C3%A9", "/a%20b", "/a%252Fb", "/lab/tree/x.ipynb"),
    ],
)
def test_what_programs_use_passes(path: str) -> None:
    check(path)
