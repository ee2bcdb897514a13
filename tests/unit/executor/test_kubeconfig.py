"""A file that is no kubeconfig is one sentence at the start, which names the setting and nothing from the file."""

import base64
from pathlib import Path

import pytest

from services.executor.backends.kubernetes.api import Api
from shared.wrong_settings import WrongSettings

CANARY = "canary-4f1d"
SETTING = "JOBYARD_EXECUTOR_KUBERNETES_CONFIG"


def kubeconfig(**cluster: str) -> str:
    said = ", ".join(f"{key}: {value!r}" for key, value in {"server": "https://127.0.0.1:1", **cluster}.items())
    return f"""
current-context: here
contexts: [{{name: here, context: {{cluster: lab, user: executor}}}}]
clusters: [{{name: lab, cluster: {{{said}}}}}]
users: [{{name: executor, user: {{token: {CANARY}}}}}]
"""


NO_CERTIFICATE = base64.b64encode(CANARY.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        CANARY,
        f"- {CANARY}",
        f"token: {CANARY}\n\ttoken: {CANARY}",
        f"token: &{CANARY} *{CANARY}",
        kubeconfig().replace("name: here", "name: other"),
        kubeconfig(**{"certificate-authority-data": CANARY}),
        kubeconfig(**{"certificate-authority-data": NO_CERTIFICATE}),
        kubeconfig(**{"certificate-authority": "/nowhere/ca.crt"}),
    ],
)
async def test_a_file_that_is_no_kubeconfig_is_named_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(WrongSettings, match=f"^{SETTING} is wrong: {file}: .+") as wrong:
        await Api(file).open()
    assert CANARY not in str(wrong.value) and "\n" not in str(wrong.value)


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match=f"^{SETTING} is wrong: {tmp_path}/config: "):
        await Api(tmp_path / "config").open()


async def test_without_a_kubeconfig_and_outside_of_a_pod_it_is_said_that_there_is_neither(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(WrongSettings, match=f"^{SETTING} names no kubeconfig, and there is no service account"):
        await Api(None).open()
