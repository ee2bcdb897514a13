"""`docs/asyncapi.yaml`: the platform's messages as an AsyncAPI 3.0 document, from the tables of the contracts.

Written from the platform's point of view: it receives commands and sends events. A command's reply comes to the
requester's inbox, so its channel has no address.
"""

from typing import Any

import yaml

from docs.tools.contracts import FACTS, Fact, JsonSchema, contracts, name_of, schema_of
from docs.tools.messages import places
from shared.contracts.commands.command import Command
from shared.contracts.commands.every import COMMANDS
from shared.contracts.commands.health import health_of
from shared.contracts.errors import RefusalBody
from shared.contracts.logs import LogChunk

REFS = "#/components/schemas/{model}"
PARAMETERS = {
    "vc": "Virtual cluster of the job.",
    "job_id": "ULID of the job, upper case.",
    "node": "Name of the node.",
    "partition": "FNV-1a of the job's id modulo the number of partitions.",
    "service": "Name of the service.",
}
ABOUT = """Commands go in, events come out, one writer.

A command is a NATS request on `cmd.<owner>.<verb>.v1`; its owner answers, or refuses with the header `x-error` and a
RefusalBody. An event is a fact in the past tense, a CloudEvents 1.0 document on the JetStream stream EVENTS, published
by its one owner at least once; its id is also `Nats-Msg-Id`. Within v1 changes only add."""


def document() -> str:
    """The document, the same for the same contracts."""
    channels: JsonSchema = {}
    operations: JsonSchema = {}
    for name, command in _commands():
        channels |= _command_channels(name, command)
        operations[name] = _command_operation(name, command)
    for fact in FACTS:
        channels[fact.model.__name__] = _event_channel(fact)
        operations[f"publish{fact.model.__name__}"] = _sends(fact.model.__name__, fact.owner)
    channels["Log"] = _log_channel()
    operations["publishLog"] = _sends("Log", "executor")
    content = {
        "asyncapi": "3.0.0",
        "info": {"title": "Jobyard", "version": "1.0.0", "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(), "schemas": _schemas()},
    }
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Without anchors, and with long texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _commands() -> list[tuple[str, Command[Any, Any]]]:
    """Each command with the name of its operation: the owner and the verb of its subject, as `jobsSetPriority`."""
    every: list[Command[Any, Any]] = [*COMMANDS, health_of("{service}")]
    return [(_camel("_".join(command.subject.translate(_BRACES).split(".")[1:3])), command) for command in every]


_BRACES = str.maketrans("", "", "{}")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _parameters(address: str) -> JsonSchema:
    used = {name: {"description": text} for name, text in PARAMETERS.items() if f"{{{name}}}" in address}
    return {"parameters": used} if used else {}


def _ref(channel: str, message: str) -> JsonSchema:
    return {"$ref": f"#/channels/{channel}/messages/{message}"}


def _carried(*messages: str) -> JsonSchema:
    return {message: {"$ref": f"#/components/messages/{message}"} for message in messages}


def _command_channels(name: str, command: Command[Any, Any]) -> JsonSchema:
    ask, answer = name_of(command.ask), name_of(command.answer)
    place = places().get(command.subject)
    address = f"{command.subject}.{{{place}}}" if place else command.subject
    return {
        name: {"address": address, "description": command.says, "messages": _carried(ask), **_parameters(address)},
        f"{name}Reply": {"address": None, "messages": _carried(answer, RefusalBody.__name__)},
    }


def _command_operation(name: str, command: Command[Any, Any]) -> JsonSchema:
    reply = f"{name}Reply"
    messages = [_ref(reply, name_of(command.answer)), _ref(reply, RefusalBody.__name__)]
    bindings = {"bindings": {"nats": {"queue": command.owner, "bindingVersion": "0.1.0"}}}
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": command.says,
        "tags": [{"name": command.owner.replace("{service}", "every service")}],
        **({} if places().get(command.subject) == "node" or "{" in command.subject else bindings),
        "messages": [_ref(name, name_of(command.ask))],
        "reply": {
            "address": {"location": "$message.header#/reply", "description": "The requester's inbox."},
            "channel": {"$ref": f"#/channels/{reply}"},
            "messages": messages,
        },
    }


def _event_channel(fact: Fact) -> JsonSchema:
    name = fact.model.__name__
    return {"address": fact.address, "messages": _carried(name), **_parameters(fact.address)}


def _log_channel() -> JsonSchema:
    address = "log.{partition}.{job_id}"
    return {"address": address, "messages": _carried(LogChunk.__name__), **_parameters(address)}


def _sends(channel: str, owner: str) -> JsonSchema:
    return {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}, "tags": [{"name": owner}]}


def _messages() -> JsonSchema:
    facts = {fact.model.__name__: fact for fact in FACTS}
    return {
        name: _event_message(facts[name]) if name in facts else _message(name)
        for name in sorted(contracts())
        if name != "CloudEvent"
    }


def _message(name: str) -> JsonSchema:
    message: JsonSchema = {"name": name, "payload": {"$ref": REFS.format(model=name)}}
    if name == RefusalBody.__name__:
        headers = {"x-error": {"type": "string", "description": "The refusal's code."}}
        message["headers"] = {"type": "object", "required": ["x-error"], "properties": headers}
    if name == LogChunk.__name__:
        message["headers"] = _message_id("`<run_id>:<rank>:<seq>`")
    return message


def _message_id(form: str) -> JsonSchema:
    header = {"Nats-Msg-Id": {"type": "string", "description": f"{form}; the server drops repetitions by it."}}
    return {"type": "object", "required": ["Nats-Msg-Id"], "properties": header}


def _event_message(fact: Fact) -> JsonSchema:
    name = fact.model.__name__
    properties = {"type": {"const": fact.type}, "data": {"$ref": REFS.format(model=name)}}
    envelope = {"$ref": REFS.format(model="CloudEvent")}
    return {
        "name": name,
        "contentType": "application/cloudevents+json",
        "headers": _message_id("The event's `id`"),
        "payload": {"allOf": [envelope, {"type": "object", "properties": properties}]},
    }


def _schemas() -> JsonSchema:
    found: JsonSchema = {}
    for name, model in contracts().items():
        schema = schema_of(model, REFS)
        found |= schema.pop("$defs", {})
        found[name] = {**schema, "title": name}
    return dict(sorted(found.items()))
