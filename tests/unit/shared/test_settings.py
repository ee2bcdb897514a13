"""Settings come from the environment, are checked there, and keep their secrets."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.executor.settings import ExecutorSettings
from services.gateway.settings import GatewaySettings
from services.logs.settings import LogsSettings
from services.metrics.settings import MetricsSettings
from services.scheduler.settings import SchedulerSettings
from shared.settings import PlatformSettings
from shared.wrong_settings import WrongSettings

CANARY = "canary-4f1d"
ALL = (PlatformSettings, GatewaySettings, SchedulerSettings, ExecutorSettings, LogsSettings, MetricsSettings)


def test_an_empty_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOBYARD_DATA", "JOBYARD_NATS_URL", "JOBYARD_MONGO_URL", "JOBYARD_PATH_ROOTS"):
        monkeypatch.delenv(name, raising=False)
    settings = PlatformSettings()
    assert settings.data == Path(".jobyard")
    assert settings.storage == Path(".jobyard/storage")
    assert settings.nats_url == "nats://127.0.0.1:4222"
    assert settings.mongo_url is None


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOBYARD_MONGO_URL", "JOBYARD_DATA", "JOBYARD_HEALTH_PORT", "JOBYARD_PATH_ROOTS"):
        monkeypatch.setenv(name, "")
    settings = PlatformSettings()
    assert settings.mongo_url is None
    assert settings.data == Path(".jobyard")
    assert settings.health_port is None
    assert settings.path_roots == ()


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://127.0.0.1", "http://[", "http://127.0.0.1:99999", "http://a:b@", "//h"]
)
def test_the_address_of_prometheus_is_one_of_http(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("JOBYARD_PROMETHEUS_URL", url)
    with pytest.raises(WrongSettings):
        PlatformSettings()
    monkeypatch.setenv("JOBYARD_PROMETHEUS_URL", f"http://ada:{CANARY}@prometheus:9090/under/here")
    settings = PlatformSettings()
    assert settings.prometheus_url == f"http://ada:{CANARY}@prometheus:9090/under/here"
    assert CANARY not in repr(settings)


def test_folders_are_separated_as_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_PATH_ROOTS", "/data sets:/scratch::/mnt/a,b:")
    assert PlatformSettings().path_roots == (Path("/data sets"), Path("/scratch"), Path("/mnt/a,b"))


def test_variables_of_others_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_GATEWAY_PORT", "9000")
    monkeypatch.setenv("JOBYARD_NO_SUCH_THING", "x")
    for settings in ALL:
        settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JOBYARD_LOG_LEVEL", "loud"),
        ("JOBYARD_LOG_FORMAT", "xml"),
        ("JOBYARD_HEALTH_PORT", "0"),
        ("JOBYARD_HEALTH_PORT", "65536"),
        ("JOBYARD_EVENTS_MAX_BYTES", "4G"),
    ],
)
def test_a_wrong_value_ends_the_start_and_names_its_field(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSettings, match=f"^{name} is wrong: [^:]+[.]$"):
        PlatformSettings()


def test_settings_do_not_change_once_they_were_read() -> None:
    with pytest.raises(ValidationError):
        PlatformSettings().log_level = "debug"  # type: ignore[misc]  # that is what is tried


@pytest.mark.parametrize("name", ["JOBYARD_MONGO_URL", "JOBYARD_NATS_URL"])
def test_printed_settings_do_not_show_passwords(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, f"nats://jobyard:{CANARY}@db.example")
    settings = PlatformSettings()
    assert CANARY not in repr(settings) + str(settings)


def test_every_field_says_what_it_is_for() -> None:
    silent = [
        f"{cls.__name__}.{name}" for cls in ALL for name, field in cls.model_fields.items() if not field.description
    ]
    assert silent == []
