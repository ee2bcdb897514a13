"""What the failure of a pull says: whether it would fail the same another time, and whether elsewhere.

Registries, engines and kubelets tell it in prose and in nothing else; what is not known here is taken for a trouble
that passes, since a job that waits can be ended, and one that has ended cannot be taken up again.

The image's name stands among that prose, in whatever form its speaker gives it, and may be made of the same words
(`lab/access-denied-net`, `1.0-SNAPSHOT`). So one word alone counts only where it stands by itself, and not as part of
a name, a path or an address.
"""

import re

_FINAL = (
    "no basic auth",
    "manifest unknown",
    "name unknown",
    "no matching manifest",
    "no match for platform",
    "does not match the specified platform",
    "repository does not exist",
    "invalid reference",
)
"""That there is no such image, none for such a machine, or that it is not shown."""
_OF_THE_NODE = ("no space left on device", "read-only file system", "content digest")


def _alone(words: str) -> re.Pattern[str]:
    """These words where they are no part of a name, nor, in quotes of its own, the whole of one."""
    quotes = "\"'`"
    unquoted, begun = rf"(?<![\w./:@{quotes}-])", rf"(?<=[{quotes}])(?!(?:{words})[{quotes}])"
    return re.compile(rf"(?:{unquoted}|{begun})(?:{words})(?![\w/@-]|[.:]\w)")


_NOT_SHOWN = _alone("unauthorized|forbidden|(?<!permission )denied")
"""By a registry. A file of the node may be denied too, which is told as `permission denied`."""
_MISSED = _alone("failed to resolve reference|manifest|repository")
"""What a registry does not have. Nodes look for things of their own as well, and do not find them."""
_STORED = _alone("snapshots?|lease")
"""Where a containerd keeps what it has pulled, and what it has itself lost there (containerd's #3787, #10835)."""


def is_final(said: str) -> bool:
    """Whether nobody has to try again before somebody has changed the name, the image or the credentials."""
    said = said.lower()
    if _fails_the_node(said):
        return False
    missed = _MISSED.search(said)
    return (
        any(words in said for words in _FINAL)
        or _NOT_SHOWN.search(said) is not None
        or (missed is not None and "not found" in said[missed.end() :])
    )


def is_of_the_node(said: str) -> bool:
    """Whether it was the node's own affair, so that another one may have the image."""
    return _fails_the_node(said.lower())


def _fails_the_node(said: str) -> bool:
    return any(words in said for words in _OF_THE_NODE) or _STORED.search(said) is not None
