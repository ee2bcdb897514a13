"""What a page that was left open asks for by itself is no use of an endpoint."""

import pytest

from services.endpoints.domain.traffic import is_use


@pytest.mark.parametrize(
    ("name", "path"),
    [
        *(("jupyter", path) for path in ("/api/kernels?1", "/api/sessions", "/api/contents/a?content=0", "/api/me")),
        *(
            ("tensorboard", path)
            for path in ("/data/runs", "/experiment/x/data/plugin/scalars/tags", "/data/environment")
        ),
    ],
)
def test_polling_is_no_use(name: str, path: str) -> None:
    assert not is_use(name, "GET", path)


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("jupyter", "GET", "/lab"),
        ("jupyter", "POST", "/api/kernels"),
        ("jupyter", "PUT", "/api/contents/a.ipynb"),
        ("tensorboard", "GET", "/"),
        ("port-8080", "GET", "/api/kernels"),
    ],
)
def test_what_somebody_does_is_use(name: str, method: str, path: str) -> None:
    assert is_use(name, method, path)
