"""The OpenAPI document: whole, deterministic, and true to what the routes do."""

import json
from typing import Any

import pytest

from services.gateway.application import routed
from services.gateway.door import PUBLIC
from services.gateway.openapi import document

DOCUMENT: dict[str, Any] = json.loads(document(routed()))
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(references(item) for item in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(references(item) for item in value))
    return set()


def test_it_is_always_the_same() -> None:
    assert document(routed()) == document(routed())


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    prefix = "#/components/schemas/"
    used = {reference.removeprefix(prefix) for reference in references(DOCUMENT)}
    assert used <= set(DOCUMENT["components"]["schemas"])
    assert set(DOCUMENT["components"]["schemas"]) - used <= {"JobEvent", "JobEventData"}


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=lambda value: str(value)[:40])
def test_every_operation_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["operationId"]
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert (operation.get("security") == []) == (path in PUBLIC)
    assert path in PUBLIC or {"401", "503"} <= set(operation["responses"])
    for status, response in operation["responses"].items():
        if int(status) >= 400 and path != "/readyz":
            assert set(response["content"]) == {"application/problem+json"}, (path, status)


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_bodies_are_documented_with_examples() -> None:
    submit = DOCUMENT["paths"]["/api/v1/jobs"]["post"]
    content = submit["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/JobRequest"}
    assert content["examples"]
    request = DOCUMENT["components"]["schemas"]["JobRequest"]
    assert request["required"] == ["name"]
    assert request["additionalProperties"] is False
    assert submit["responses"]["201"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Job"}
