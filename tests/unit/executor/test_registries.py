"""From which registries nodes pull, by the patterns that operators have named."""

import pytest

from services.executor.domain.registries import forbidden
from services.executor.settings import ExecutorSettings
from shared.wrong_settings import WrongSettings

DIGEST = "sha256:" + "0" * 64
ALLOWED = ("docker.io", "registry.lab:5000", "*.example.org")


@pytest.mark.parametrize(
    "image",
    ["python:3.12", "index.docker.io/a/b", "Registry.lab:5000/a:1", "a.example.org/b", f"x.y.example.org/c@{DIGEST}"],
)
def test_an_image_of_a_registry_that_is_allowed_may_be_pulled(image: str) -> None:
    assert forbidden(image, ALLOWED) is None


@pytest.mark.parametrize(
    "image",
    [
        "registry.lab/a:1",
        "example.org/a",
        "evil.lab/docker.io/a:1",
        "169.254.169.254/x",
        "localhost:22/x",
    ],
)
def test_any_other_is_refused_with_what_is_allowed(image: str) -> None:
    reason = forbidden(image, ALLOWED)
    assert reason is not None and reason.code == "registry_forbidden"
    assert "docker.io, registry.lab:5000, *.example.org" in reason.message
    assert forbidden(image, ()) is None, "all are, unless somebody says"


@pytest.mark.parametrize("allowed", [(), ALLOWED])
def test_what_is_no_name_goes_to_no_node(allowed: tuple[str, ...]) -> None:
    reason = forbidden("Not/A/Name", allowed)
    assert reason is not None and reason.code == "image_invalid"
    assert "Not/A/Name" in reason.message


def test_patterns_are_checked_when_the_executor_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_EXECUTOR_REGISTRIES", "docker.io, registry.lab:5000")
    assert ExecutorSettings().registries == ("docker.io", "registry.lab:5000")
    monkeypatch.setenv("JOBYARD_EXECUTOR_REGISTRIES", "https://registry.lab")
    with pytest.raises(WrongSettings, match="is no registry"):
        ExecutorSettings()
