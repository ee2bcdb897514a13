"""What an account of a cluster was granted, and what it has used by the API server's audit log, in the same words."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Document = dict[str, Any]
Use = tuple[str, str, str]
"""Of a right: the API's group, the resource, the verb."""
_CREATED = 201
_FORBIDDEN = 403
_BY_WEBSOCKET = ("pods/exec", "pods/portforward")


def granted(roles: Iterable[Document]) -> set[Use]:
    """By the rules of roles."""
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(audit: Path, account: str) -> tuple[set[Use], list[str]]:
    """What the account has used, and what it was refused.

    A websocket is a GET that is asked for as `create` as well: `test_a_websocket_into_a_pod_needs_both_verbs`. So is a
    patch that makes what it was to change.
    """
    uses: set[Use] = set()
    refused = []
    for line in audit.read_text().splitlines():
        event = json.loads(line)
        at = event.get("objectRef")
        if event["user"]["username"] != account or at is None:
            continue
        resource = "/".join(part for part in (at.get("resource", ""), at.get("subresource")) if part)
        if event.get("responseStatus", {}).get("code") == _FORBIDDEN:
            refused.append(f"{event['verb']} {event['requestURI']}")
        made = event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == _CREATED
        verbs = {event["verb"]} | ({"create"} if made or resource in _BY_WEBSOCKET else set())
        uses |= {(at.get("apiGroup", ""), resource, verb) for verb in verbs}
    return uses, refused
