"""Makes `jobyard/models.py` from the OpenAPI document, so that the client's models can't drift from the gateway's.

Limits (patterns, lengths, ranges) are left out on purpose: checking them is the platform's business, and a client
that repeated them would refuse what a newer platform allows.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from pydantic import JsonValue

ROOT = Path(__file__).resolve().parents[2]
LIMITS = frozenset(
    "pattern minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems uniqueItems "
    "minProperties maxProperties propertyNames title".split()
)
NAMED: dict[str, JsonValue] = {"endpoints": {"type": "string", "enum": ["ssh", "jupyter", "tensorboard"]}}
"""Values that have no name in the document, by the field that holds them: the client's class is `<Field>InSubmission`,
so that it does not take the name of a resource."""
FRAMEWORK_ONLY = frozenset({"HTTPValidationError", "ValidationError"})
HEADER = '''"""The API's models, generated from `docs/openapi.json` by `make docs`; do not edit."""

# ruff: noqa: I001, RUF012
'''
OPTIONS = (
    "--input-file-type openapi --output-model-type pydantic_v2.BaseModel --base-class jobyard.base.Model "
    "--target-python-version 3.11 --formatters builtin --disable-timestamp "
    "--use-annotated --use-union-operator --use-standard-collections --use-default-kwarg "
    "--strict-nullable --collapse-root-models "
    "--use-specialized-enum --enum-field-as-literal one --capitalise-enum-members "
    "--use-schema-description --use-field-description --use-inline-field-description --use-single-line-docstring"
).split()


def without_limits(schema: JsonValue) -> JsonValue:
    """The same schema without limits and titles; a map has plain keys and is empty by default."""
    if isinstance(schema, list):
        return [without_limits(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: without_limits(value) for key, value in schema.items() if key not in LIMITS and key != "properties"}
    if isinstance(patterns := plain.pop("patternProperties", None), dict):
        plain["additionalProperties"] = next(iter(patterns.values()))
    if isinstance(properties := schema.get("properties"), dict):
        plain["properties"] = {name: _property(name, field) for name, field in properties.items()}
    return plain


def _property(name: str, field: JsonValue) -> JsonValue:
    plain = without_limits(field)
    if isinstance(plain, dict) and name in NAMED and plain.get("items") == NAMED[name]:
        plain["items"] = {"$ref": f"#/components/schemas/{name.title()}InSubmission"}
    if isinstance(plain, dict) and plain.get("type") == "object":
        plain.setdefault("default", {})
    return plain


def models(openapi: str) -> str:
    """The module's source, from the OpenAPI document as JSON."""
    document = json.loads(openapi)
    schemas = document["components"]["schemas"]
    document = {
        "openapi": document["openapi"],
        "info": document["info"],
        "paths": {},
        "components": {
            "schemas": {f"{field.title()}InSubmission": values for field, values in NAMED.items()}
            | {name: without_limits(schema) for name, schema in schemas.items() if name not in FRAMEWORK_ONLY}
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "openapi.json", Path(folder) / "models.py"
        source.write_text(json.dumps(document))
        files = ["--input", str(source), "--output", str(target)]
        subprocess.run([sys.executable, "-m", "datamodel_code_generator", *files, *OPTIONS], check=True)
        lines = target.read_text().splitlines(keepends=True)
    body = "".join(line for line in lines if not line.startswith("#"))
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", "jobyard/models.py", "-"],
        input=HEADER + body,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return formatted.stdout
