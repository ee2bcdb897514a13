"""`docs/asyncapi.yaml` says what the tables say, and keeps AsyncAPI 3.0's own rules."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from docs.tools.asyncapi import document
from shared.contracts import subjects
from shared.contracts.base import Contract
from shared.contracts.commands.every import COMMANDS
from shared.contracts.commands.submission import SUBMIT
from shared.contracts.errors import RefusalBody
from shared.contracts.events import ENDPOINT_EVENTS, JOB_EVENTS, RUN_EVENTS, SUPPORT_EVENTS

CARRIED = [SUBMIT.ask, *JOB_EVENTS.values(), *RUN_EVENTS.values()]


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(document())
    return loaded


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def resolve(api: dict[str, Any], reference: str) -> Any:
    part: Any = api
    for key in reference.removeprefix("#/").split("/"):
        part = part[key]
    return part


def test_it_is_the_same_twice() -> None:
    assert document() == document()


def test_every_reference_leads_somewhere(api: dict[str, Any]) -> None:
    found = set(references(api))
    assert len(found) > 100
    for reference in found:
        assert isinstance(resolve(api, reference), dict)


def test_every_command_is_received_and_answered(api: dict[str, Any]) -> None:
    received = {
        resolve(api, operation["channel"]["$ref"])["address"].partition(".v1")[0] + ".v1": operation
        for operation in api["operations"].values()
        if operation["action"] == "receive"
    }
    assert received.keys() == {command.subject for command in COMMANDS} | {"cmd.{service}.health.v1"}
    for command in COMMANDS:
        operation = received[command.subject]
        answers = [reference["$ref"].split("/")[-1] for reference in operation["reply"]["messages"]]
        assert answers == [command.answer.__name__, RefusalBody.__name__]
        assert operation["messages"][0]["$ref"].endswith(f"/{command.ask.__name__}")


def test_a_reply_has_no_address_of_its_own(api: dict[str, Any]) -> None:
    for operation in api["operations"].values():
        if "reply" in operation:
            assert resolve(api, operation["reply"]["channel"]["$ref"])["address"] is None


def test_operations_name_only_messages_of_their_channels(api: dict[str, Any]) -> None:
    for operation in api["operations"].values():
        for side in (operation, operation.get("reply", {"channel": {"$ref": ""}})):
            for message in side.get("messages", []):
                assert message["$ref"].startswith(side["channel"]["$ref"] + "/messages/")


def test_addresses_and_parameters_agree(api: dict[str, Any]) -> None:
    for channel in api["channels"].values():
        for parameter in channel.get("parameters", {}):
            assert f"{{{parameter}}}" in channel["address"]
        assert (channel["address"] or "").count("{") == len(channel.get("parameters", {}))


def test_events_travel_where_the_publisher_sends_them(api: dict[str, Any]) -> None:
    sent = {channel["address"] for channel in api["channels"].values() if (channel["address"] or "").startswith("evt.")}
    job = {subjects.job_event(fact, "{vc}", "{job_id}") for fact in JOB_EVENTS}
    run = {f"evt.run.{fact}.v1.{{vc}}.{{job_id}}" for fact in RUN_EVENTS}
    support = {f"evt.support.{fact}.v1.{{vc}}.{{job_id}}" for fact in SUPPORT_EVENTS}
    endpoint = {f"evt.endpoint.{fact}.v1.{{vc}}.{{job_id}}" for fact in ENDPOINT_EVENTS}
    assert sent == job | run | support | endpoint | {"evt.node.reported.v1.{node}"}


@pytest.mark.parametrize("model", CARRIED, ids=lambda model: model.__name__)
def test_a_schema_has_every_field(api: dict[str, Any], model: type[Contract]) -> None:
    assert api["components"]["schemas"][model.__name__]["properties"].keys() == model.model_fields.keys()
