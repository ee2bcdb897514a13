"""Whether the platform can work."""

from shared.contracts.base import Contract


class ServiceHealth(Contract):
    """Whether one service can work."""

    ready: bool
    message: str = ""


class Readiness(Contract):
    """Whether the platform can work, and which part keeps it from that."""

    ready: bool
    services: dict[str, ServiceHealth]
