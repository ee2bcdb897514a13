"""What is wrong with a setting is one sentence that names its variable, and shows no secret."""

from typing import Annotated

import pytest
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.executor.backends.kubernetes.settings import KubernetesSettings
from services.executor.settings import ExecutorSettings
from services.gateway.oidc.settings import OidcSettings
from services.gateway.settings import GatewaySettings
from shared.settings import PlatformSettings
from shared.wrong_settings import Settings, WrongSettings

CANARY = "canary-4f1d"
KUBERNETES = "JOBYARD_EXECUTOR_KUBERNETES_"


@pytest.mark.parametrize(
    ("settings", "variable", "value", "said"),
    [
        (ExecutorSettings, "JOBYARD_EXECUTOR_USERS", "ada", "'ada' needs an owner, a user's and a group's number"),
        (ExecutorSettings, "JOBYARD_EXECUTOR_BACKEND", "podman", "should be 'process', 'docker' or 'kubernetes'."),
        (KubernetesSettings, f"{KUBERNETES}DEVICES", '{"v100": {"resource"}', "it is no JSON (Expecting ':' delimiter"),
        (KubernetesSettings, f"{KUBERNETES}DEVICES", '{"v100": {}}', "is wrong at v100.resource: Field required."),
        (KubernetesSettings, f"{KUBERNETES}CALLERS", '[{"port": 9100}]', "is wrong at 0.port: Extra inputs are not"),
        (GatewaySettings, "JOBYARD_PORT", "http", "should be a valid integer"),
        (GatewaySettings, "JOBYARD_GATEWAY_BODY_BYTES", "1", "should be greater than or equal to 1024."),
        (OidcSettings, "JOBYARD_GATEWAY_OIDC_ISSUER", "example.org", "should match pattern"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, settings: type[Settings], variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(WrongSettings) as wrong:
        settings()
    sentence = str(wrong.value)
    assert sentence.startswith(f"{variable} is wrong") and said in sentence
    assert "\n" not in sentence and "[type=" not in sentence


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_LOG_LEVEL", "loud")
    monkeypatch.setenv("JOBYARD_HEALTH_PORT", "0")
    with pytest.raises(WrongSettings, match=r"^JOBYARD_LOG_LEVEL is wrong: .+\. JOBYARD_HEALTH_PORT is wrong: .+\.$"):
        PlatformSettings()


def _picky(value: str | None) -> str | None:
    if value:
        raise ValueError(f"{value!r} is not liked")
    return value


class Picky(Settings):
    """Has validators that quote what they refuse, as one may be written any day."""

    model_config = SettingsConfigDict(env_prefix="JOBYARD_PICKY_")

    token: Annotated[SecretStr | None, BeforeValidator(_picky)] = None
    address: Annotated[str, AfterValidator(_picky)] = Field("", repr=False)
    code: Annotated[str, AfterValidator(_picky)] = ""


@pytest.mark.parametrize(("name", "shown"), [("TOKEN", False), ("ADDRESS", False), ("CODE", True)])
def test_words_of_validators_are_kept_back_where_they_may_quote_a_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, shown: bool
) -> None:
    monkeypatch.setenv(f"JOBYARD_PICKY_{name}", CANARY)
    with pytest.raises(WrongSettings, match=f"^JOBYARD_PICKY_{name} is wrong: ") as wrong:
        Picky()
    assert (CANARY in str(wrong.value)) is shown


@pytest.mark.parametrize(
    ("settings", "variable", "value"),
    [
        (PlatformSettings, "JOBYARD_PROMETHEUS_URL", f"ftp://ada:{CANARY}@prometheus"),
        (PlatformSettings, "JOBYARD_PROMETHEUS_URL", f"http://ada:{CANARY}@prometheus:99999"),
        (KubernetesSettings, f"{KUBERNETES}PROMETHEUS", f"ftp://ada:{CANARY}@prometheus"),
        (KubernetesSettings, f"{KUBERNETES}ANNOTATIONS", f'{{"a": "{CANARY}"'),
        (GatewaySettings, "JOBYARD_GATEWAY_ADMIN_PASSWORD", f"{CANARY}" * 200),
        (GatewaySettings, "JOBYARD_GATEWAY_GRAFANA_URL", f"http://ada:{CANARY}@grafana"),
        (GatewaySettings, "JOBYARD_GATEWAY_REGISTRIES", f"http://ada:{CANARY}@registry/"),
    ],
)
def test_no_value_that_may_be_a_secret_is_said(
    monkeypatch: pytest.MonkeyPatch, settings: type[Settings], variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(WrongSettings, match=f"^{variable} is wrong") as wrong:
        settings()
    assert CANARY not in str(wrong.value)
    assert wrong.value.__suppress_context__, "a traceback would show it"
