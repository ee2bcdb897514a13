"""What every request body is: strict, and closed to fields that nobody knows."""

from pydantic import ConfigDict

from shared.contracts.base import Contract


class Body(Contract):
    """A request body: strict, and closed to fields that nobody knows."""

    model_config = ConfigDict(extra="forbid")
