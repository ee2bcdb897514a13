"""Names of container images, as the OCI's distribution specification and the engines write them.

A name goes to registries, engines and clusters. So what is no name is refused where it comes in, and nothing of it can
be an option, a path, a header or a line of its own anywhere. Engines are asked for its `full` form alone: they take any
other one for the beginning of an id as well, and start whatever image has that.
"""

import re
from dataclasses import dataclass

LONGEST = 255
"""Characters of a name as people give it."""
LONGEST_TAG = 128
HUB = "docker.io"
"""The registry of names that name none."""
_HUB_NAMES = frozenset({HUB, "index.docker.io", "registry-1.docker.io"})
_OFFICIAL = "library"
LATEST = "latest"

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(rf"({_LABEL}(?:\.{_LABEL})*)(?::([0-9]{{1,5}}))?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._-]{{0,{LONGEST_TAG - 1}}}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")
_ALGORITHMS = frozenset({"sha256", "sha512"})
"""What stands before the ':' of an id or a digest."""
_AN_ID = "must be a name, not the id of an image on one machine; tag the image"


@dataclass(frozen=True)
class ImageName:
    """A name in its parts. `registry` has its port, and is `docker.io` where none is named."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None
    said: str
    """Registry and repository as they were written."""

    @property
    def full(self) -> str:
        """The same image with its registry named, by its digest if it has one."""
        name = f"{self.registry}/{self.repository}"
        return f"{name}@{self.digest}" if self.digest else f"{name}:{self.tag or LATEST}"

    def pinned(self, digest: str) -> str:
        """What means this content and no other, whatever becomes of the tag."""
        return f"{self.said}@{digest}"


def image_name(text: str) -> ImageName:
    """Raises ValueError with a sentence about what is wrong with it."""
    if len(text) > LONGEST:
        raise ValueError(f"has {len(text)} characters, and a name of an image at most {LONGEST}")
    named, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise ValueError("must end in '@sha256:' and 64 digits or letters a to f, if it names a digest")
    head, slash, last = named.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise ValueError(f"must have a tag of at most {LONGEST_TAG} letters, digits, '_', '.' or '-' after its ':'")
    said = head + slash + last
    first, slash, rest = said.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        registry, repository = registry_host(first), rest
    else:
        registry, repository = HUB, said
    for component in repository.split("/"):
        if not _COMPONENT.fullmatch(component):
            raise ValueError(
                "must be a name such as 'python:3.12' or 'registry.lab:5000/team/train:1', with lower-case letters, "
                "digits, and single '.', '_' or '-' between them in each part"
            )
    if _IDENTIFIER.fullmatch(repository):
        raise ValueError(_AN_ID)
    if registry == HUB and "/" not in repository:
        repository = f"{_OFFICIAL}/{repository}"
    return ImageName(registry, repository, tag or None, digest or None, said)


def registry_host(text: str) -> str:
    """A registry's name in its one form: lower case, with its port if it has one. Raises ValueError."""
    found = _HOST.fullmatch(text)
    if found is None or len(text) > LONGEST or (found[2] is not None and not 0 < int(found[2]) < 65536):
        raise ValueError("must be the name of a registry, with its port if that is another than 443: registry.lab:5000")
    host = text.lower()
    return HUB if host in _HUB_NAMES else host


def checked(text: str) -> str:
    """The name as it stands. Raises ValueError."""
    image_name(text)
    return text


def no_id(text: str) -> str:
    """The name as it stands, if who wrote it cannot have meant an id. Raises ValueError."""
    if image_name(text).said in _ALGORITHMS:
        raise ValueError(_AN_ID)
    return text
