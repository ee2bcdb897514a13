"""What the failure of a pull says: whether it would fail the same another time, and whether elsewhere.

Registries, engines and kubelets tell it in prose and in nothing else; what is not known here is taken for a trouble
that passes, since a job that waits can be ended, and one that has ended cannot be taken up again.
"""

_FINAL = (
    "not found",
    "denied",
    "unauthorized",
    "no basic auth",
    "manifest unknown",
    "no matching manifest",
    "does not match the specified platform",
    "invalid reference",
    "forbidden",
)
"""That there is no such image, none for such a machine, or that it is not shown."""
_OF_THE_NODE = ("no space left on device",)


def is_final(said: str) -> bool:
    """Whether nobody has to try again before somebody has changed the name, the image or the credentials."""
    return any(words in said.lower() for words in _FINAL)


def is_of_the_node(said: str) -> bool:
    """Whether it was the node's own affair, so that another one may have the image."""
    return any(words in said.lower() for words in _OF_THE_NODE)
