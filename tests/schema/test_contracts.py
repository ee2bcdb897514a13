"""Within v1 contracts only gain: each current schema is held against the committed one in snapshots/."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.tools.compatibility import breaks
from docs.tools.snapshots import FOLDER, NotAdditive, refuse_breaks, snapshots
from services.jobs.domain.document import event_of
from services.jobs.domain.signals import Place
from shared.bus import codec
from tests.support.documents import ALLOCATION, after, queued

ROOT = Path(__file__).parents[2]
CURRENT = snapshots()
SNAPSHOTS = sorted((ROOT / FOLDER).glob("*.json"))
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A thing.",
    "properties": {
        "id": {"type": "string", "maxLength": 8},
        "kind": {"$ref": "#/$defs/Kind"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    },
    "required": ["id", "kind"],
    "$defs": {"Kind": {"enum": ["a", "b"], "type": "string"}},
}


@pytest.mark.parametrize("file", SNAPSHOTS, ids=lambda file: file.stem)
def test_a_contract_only_gains(file: Path) -> None:
    now = CURRENT.get(FOLDER / file.name)
    assert now is not None, f"{file.stem} is gone; other services may still send it"
    assert breaks(json.loads(file.read_text()), json.loads(now)) == []


def test_every_contract_has_a_snapshot() -> None:
    missing = {path.name for path in CURRENT} - {file.name for file in SNAPSHOTS}
    assert missing == set(), "run `make docs` and commit what it writes"


def test_an_event_of_a_newer_platform_is_read_over_what_it_adds() -> None:
    """In the envelope, in the fact, in the job and in its state."""
    job = after(queued(), Place(ALLOCATION))
    subject, event = event_of(job, job.history[-1])
    newer = json.loads(event.model_dump_json())
    for part in (newer, newer["data"], newer["data"]["job"], newer["data"]["job"]["state"]):
        part["of_a_later_time"] = {"unknown": [1, None]}
    read = codec.job_event(subject, json.dumps(newer).encode())
    assert read == codec.job_event(subject, event.model_dump_json().encode())
    assert read.data.job.id == job.id


def new_field(schema: dict[str, Any]) -> None:
    schema["properties"]["more"] = {"type": "integer", "default": 0}


def new_type(schema: dict[str, Any]) -> None:
    schema["properties"]["more"] = {"$ref": "#/$defs/More"}
    schema["$defs"]["More"] = {"type": "object"}


def other_words(schema: dict[str, Any]) -> None:
    schema["description"] = "Another sentence."
    schema["properties"]["id"]["description"] = "Its name."


def field_gone(schema: dict[str, Any]) -> None:
    del schema["properties"]["note"]


def newly_required(schema: dict[str, Any]) -> None:
    schema["properties"]["more"] = {"type": "integer"}
    schema["required"].append("more")


def no_longer_required(schema: dict[str, Any]) -> None:
    schema["required"].remove("kind")


def narrower(schema: dict[str, Any]) -> None:
    schema["properties"]["id"]["maxLength"] = 4


def new_limit(schema: dict[str, Any]) -> None:
    schema["properties"]["id"]["minLength"] = 1


def no_limit(schema: dict[str, Any]) -> None:
    del schema["properties"]["id"]["maxLength"]


def other_type(schema: dict[str, Any]) -> None:
    schema["properties"]["id"]["type"] = "integer"


def never_null(schema: dict[str, Any]) -> None:
    schema["properties"]["note"]["anyOf"].pop()


def other_default(schema: dict[str, Any]) -> None:
    schema["properties"]["note"]["default"] = ""


def new_value(schema: dict[str, Any]) -> None:
    schema["$defs"]["Kind"]["enum"].append("c")


def type_gone(schema: dict[str, Any]) -> None:
    del schema["$defs"]["Kind"]


def changed(change: Callable[[dict[str, Any]], None]) -> list[str]:
    schema = copy.deepcopy(SCHEMA)
    change(schema)
    return breaks(SCHEMA, schema)


@pytest.mark.parametrize("change", [new_field, new_type, other_words])
def test_what_adds_is_allowed(change: Callable[[dict[str, Any]], None]) -> None:
    assert changed(change) == []


@pytest.mark.parametrize(
    "change",
    [
        field_gone,
        newly_required,
        no_longer_required,
        narrower,
        new_limit,
        no_limit,
        other_type,
        never_null,
        other_default,
        new_value,
        type_gone,
    ],
)
def test_all_else_is_named(change: Callable[[dict[str, Any]], None]) -> None:
    assert len(changed(change)) == 1


def test_a_contract_that_went_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / "Forgotten.json").write_text("{}")
    with pytest.raises(NotAdditive, match="Forgotten: is gone"):
        refuse_breaks(tmp_path)
