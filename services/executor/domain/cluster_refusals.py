"""Which refusals of a pod pass by themselves, and which end the attempt: the same codes of the API server say both."""

import re

_TERMINATING = "NamespaceTerminating"
_NOT_YET = "error looking up service account"
"""Forbidden as well, in a namespace that is so new that the cluster has not put the account there which pods need."""
_UNCOUNTED = "status unknown for quota"
"""Likewise, of a quota that is so new that the cluster has not counted what it bounds."""
_QUOTA = "exceeded quota"
_USER = re.compile(r'User "[^"]*"')
_CALLER = re.compile(r'User "[^"]*" cannot \w+ resource ')
_NAMESPACE = re.compile(r'namespaces "[^"]*" not found')


def forbids(status: int, message: str) -> bool:
    """Whether the caller may do nothing of the kind there, whatever the pod is like."""
    return status == 403 and _CALLER.search(message) is not None


def unnamed(message: str) -> str:
    """Without the account of whoever asked, which is nobody's business but the operators'."""
    return _USER.sub("the executor", message)


def lacks_namespace(status: int, message: str) -> bool:
    """Whether nothing can be made since the namespace is not there."""
    return status == 404 and _NAMESPACE.search(message) is not None


def passes(status: int, message: str, causes: tuple[str, ...]) -> bool:
    """Whether the same pod may be let in when it is asked for again in a moment.

    404: its namespace is gone, and is made again; 409: somebody changed the same thing at the same time, as pods do
    that are counted by one quota.
    """
    soon = _TERMINATING in causes or _NOT_YET in message or _UNCOUNTED in message
    return status in (404, 409) or (status == 403 and soon)


def exceeds_quota(message: str) -> bool:
    """Whether it may be let in once others of its virtual cluster have ended, on whichever node it is asked for."""
    return _QUOTA in message
