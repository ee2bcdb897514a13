"""`docs/configuration.md`: every setting, from the settings classes themselves."""

from pathlib import PurePath

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from services.endpoints.settings import EndpointsSettings
from services.executor.backends.kubernetes.settings import KubernetesSettings
from services.executor.settings import ExecutorSettings
from services.gateway.oidc.settings import OidcSettings
from services.gateway.settings import GatewaySettings
from services.logs.settings import LogsSettings
from services.metrics.settings import MetricsSettings
from services.notify.settings import NotifySettings
from services.scheduler.settings import SchedulerSettings
from shared.settings import PlatformSettings
from shared.wrong_settings import variables

INTRODUCTION = """# Configuration

Written by `make docs` from the settings classes; do not edit. Everything comes from the environment; an empty variable
counts as absent.
"""
SECTIONS: dict[str, type[BaseSettings]] = {
    "Every service": PlatformSettings,
    "Gateway": GatewaySettings,
    "Gateway: signing in at an OIDC issuer": OidcSettings,
    "Scheduler": SchedulerSettings,
    "Executor": ExecutorSettings,
    "Executor: a Kubernetes cluster": KubernetesSettings,
    "Logs": LogsSettings,
    "Metrics": MetricsSettings,
    "Notify": NotifySettings,
    "Endpoints": EndpointsSettings,
}


def document() -> str:
    """The page, in Markdown."""
    return "\n".join([INTRODUCTION, *(_section(title, settings) for title, settings in SECTIONS.items())])


def _section(title: str, settings: type[BaseSettings]) -> str:
    lines = [f"## {title}\n", "| variable | default | |", "|---|---|---|"]
    for name, field in settings.model_fields.items():
        named = " or ".join(f"`{variable}`" for variable in variables(settings, name))
        lines.append(f"| {named} | {_default(field)} | {_cell(field.description or '')} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.default_factory is not None or value is None or value in ((), ""):
        return ""  # what a factory finds is this machine's, and no default
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`"
    return f"`{value if isinstance(value, str | PurePath) else str(value).lower()}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
