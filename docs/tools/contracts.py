"""The list of every contract that crosses a boundary, from the platform's own tables."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from shared.contracts.base import Contract
from shared.contracts.commands.every import COMMANDS
from shared.contracts.commands.health import AskHealth, Health
from shared.contracts.errors import RefusalBody
from shared.contracts.events import (
    ENDPOINT_EVENTS,
    JOB_EVENTS,
    RUN_EVENTS,
    SUPPORT_EVENTS,
    AnyCloudEvent,
    EndpointEvent,
    JobEvent,
    NodeReported,
    RunEvent,
    SupportEvent,
)
from shared.contracts.logs import LogChunk

JsonSchema = dict[str, Any]


@dataclass(frozen=True)
class Fact:
    """An event class with the subject it travels on and the `type` of its CloudEvent."""

    noun: str
    model: type[JobEvent] | type[RunEvent] | type[SupportEvent] | type[EndpointEvent] | type[NodeReported]
    owner: str
    key: str
    """The tokens after the version, as an address of AsyncAPI has them."""

    @property
    def address(self) -> str:
        return f"evt.{self.noun}.{self.model.fact}.v1.{self.key}"

    @property
    def type(self) -> str:
        return f"io.jobyard.{self.noun}.{self.model.fact}.v1"


FACTS = (
    *(Fact("job", event, "jobs", "{vc}.{job_id}") for event in JOB_EVENTS.values()),
    *(Fact("run", event, "executor", "{vc}.{job_id}") for event in RUN_EVENTS.values()),
    *(Fact("support", event, "notify", "{vc}.{job_id}") for event in SUPPORT_EVENTS.values()),
    *(Fact("endpoint", event, "endpoints", "{vc}.{job_id}") for event in ENDPOINT_EVENTS.values()),
    Fact("node", NodeReported, "executor", "{node}"),
)


def contracts() -> dict[str, type[Contract]]:
    """Every message's model by its class name; what stands inside another one is part of that one's schema."""
    models: list[type[Contract]] = [AnyCloudEvent, RefusalBody, AskHealth, Health, LogChunk]
    for command in COMMANDS:
        models += [command.ask, command.answer]
    models += [fact.model for fact in FACTS]
    return {name_of(model): model for model in models}


def name_of(model: type[Contract]) -> str:
    """`CloudEvent[Any]` is `CloudEvent` in documents."""
    return model.__name__.partition("[")[0]


def schema_of(model: type[Contract], ref_template: str = "#/$defs/{model}") -> JsonSchema:
    """What a reader accepts (not what a writer sends: there, fields with a default are always present)."""
    schema = TypeAdapter(model).json_schema(mode="validation", ref_template=ref_template)
    for part in (schema, *schema.get("$defs", {}).values()):
        for field in part.get("properties", {}).values():
            field.pop("title", None)  # pydantic's: the field's name once more
    return schema
