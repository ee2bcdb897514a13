"""What a request asks of RBAC, to be held against the list of what the executor may do."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from services.executor.backends.kubernetes.rights import CLUSTER, FIGURES, NAMESPACED, NAMESPACES, Right
from tests.support.kubernetes.proxy import Asked

_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/v[^/]+"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+)(?:/(?P<part>[a-z]+))?)?"
)
_VERBS = {"POST": "create", "DELETE": "delete", "PATCH": "patch", "PUT": "update"}


class Use(NamedTuple):
    """One verb on one resource."""

    namespaced: bool
    group: str
    resource: str
    verb: str


def used(asked: Iterable[Asked]) -> set[Use]:
    """What these requests need."""
    return {_use(one) for one in asked}


def listed() -> set[Use]:
    """What the executor's roles are to grant, with the settings as they are by default."""
    return _uses(False, (*CLUSTER, *FIGURES["summary"]["direct"], *NAMESPACES)) | _uses(True, NAMESPACED)


def _uses(namespaced: bool, rights: Iterable[Right]) -> set[Use]:
    return {Use(namespaced, right.group, right.resource, verb) for right in rights for verb in right.verbs}


def _use(asked: Asked) -> Use:
    found = _PATH.fullmatch(asked.path)
    assert found is not None, asked.path
    reading = "watch" if asked.watches else "get" if found["name"] else "list"
    resource = f"{found['resource']}/{found['part']}" if found["part"] else found["resource"]
    verb = _VERBS.get(asked.method, reading)
    return Use(found["namespace"] is not None, found["group"] or "", resource, verb)
