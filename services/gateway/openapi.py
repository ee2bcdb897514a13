"""The OpenAPI document, made from the routes and models, always the same bytes for the same code.

python -m services.gateway.openapi [docs/openapi.json]
"""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.gateway.audit import AuditEntry
from services.gateway.domain.sessions import NAME
from services.gateway.promql.complaints import QueryProblem
from services.gateway.resources.changes import JobsChange, NewEndpoint, PriorityChange, SupportRequest
from services.gateway.resources.jobs import JobEvent
from services.gateway.resources.outcomes import Problem
from services.gateway.resources.people import (
    NewApiToken,
    NewSshKey,
    NewUser,
    NewVc,
    PasswordChange,
    UserChange,
    VcChange,
)
from services.gateway.resources.registries import RegistryCredentials
from services.gateway.resources.secrets import SecretValue
from services.gateway.resources.sign_in import Credentials, DeviceAsk, OneTimeCode
from services.gateway.resources.submissions import Batch, JobRequest

TITLE = "Jobyard"
VERSION = "1"
DESCRIPTION = """Runs and manages AI training jobs, and says at any time why a job is where it is.

Sign in at `/api/v1/auth/token`, or make an API token, and send the token as `Authorization: Bearer <token>`. Times
are RFC 3339 in UTC with milliseconds. Errors are RFC 9457 problems, each with a sentence to act on. A body is JSON in
UTF-8, at most 1 MiB; types are not coerced, and fields that nobody knows are refused.
"""
TAGS = [
    {"name": "account", "description": "Signing in, and who one is."},
    {"name": "users", "description": "Users and virtual clusters."},
    {"name": "audit", "description": "Who changed what."},
    {"name": "usage", "description": "Who has used what."},
    {"name": "cluster", "description": "The nodes, the queue, and what a submission may say."},
    {"name": "jobs", "description": "Submit, look up, pause, resume, kill."},
    {"name": "console", "description": "What a job writes."},
    {"name": "metrics", "description": "What jobs use."},
    {"name": "endpoints", "description": "Ways into a running job."},
    {"name": "support", "description": "Help from the operators."},
    {"name": "notifications", "description": "Who is told what happens to a job."},
    {"name": "events", "description": "What happens, as it happens."},
    {"name": "secrets", "description": "Values that jobs get and nobody is shown."},
    {"name": "health", "description": "For orchestrators and Prometheus."},
]
REQUESTS: tuple[type[BaseModel], ...] = (
    Credentials,
    JobRequest,
    Batch,
    JobsChange,
    PriorityChange,
    NewUser,
    UserChange,
    PasswordChange,
    NewVc,
    VcChange,
    NewApiToken,
    NewSshKey,
    OneTimeCode,
    DeviceAsk,
    SecretValue,
    RegistryCredentials,
    SupportRequest,
    NewEndpoint,
)
"""Bodies that the routes parse by themselves."""
SAID: tuple[type[BaseModel], ...] = (Problem, QueryProblem, JobEvent, AuditEntry)
"""Answers that no route names as its model."""
SESSION = (
    "A browser's, from POST /api/v1/auth/session; over https it is called `__Host-jobyard_session`. A change needs an "
    "Origin header of the platform's own."
)
_REF = "#/components/schemas/{model}"


@cache
def document(api: FastAPI) -> bytes:
    """The document as JSON: schemas by name, their fields as in the models. Made when it is first asked for."""
    described = get_openapi(
        title=api.title,
        version=api.version,
        description=api.description,
        routes=api.routes,
        tags=TAGS,
        separate_input_output_schemas=True,
    )
    schemas: dict[str, Any] = described.setdefault("components", {}).setdefault("schemas", {})
    for model in REQUESTS:
        schemas.update(_schemas(model, "validation"))
    for model in SAID:
        schemas.update(_schemas(model, "serialization"))
    described["components"]["schemas"] = dict(sorted(schemas.items()))
    described["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "From /api/v1/auth/token, or an API token."},
        "session": {"type": "apiKey", "in": "cookie", "name": NAME, "description": SESSION},
    }
    described["security"] = [{"token": []}, {"session": []}]
    return (json.dumps(described, indent=2, ensure_ascii=False) + "\n").encode()


def _schemas(model: type[BaseModel], mode: Any) -> dict[str, Any]:
    _, found = models_json_schema([(model, mode)], ref_template=_REF)
    definitions: dict[str, Any] = found.get("$defs", {})
    return definitions


def main() -> None:
    """Write the document where the first argument says."""
    from services.gateway.application import routed

    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/openapi.json")
    target.write_bytes(document(routed()))


if __name__ == "__main__":
    main()
