"""Which registries are asked for digests: those that an operator named, and those that a VC has credentials for."""

from collections.abc import Iterable, Mapping

from shared.contracts.images import HUB, ImageName, registry_host
from shared.contracts.job import Reason

PUBLIC = (
    HUB,
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "nvcr.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "registry.gitlab.com",
)
"""Those that are asked unless an operator names others."""
CODES = frozenset(
    {
        "registry_not_asked",
        "registry_away",
        "registry_busy",
        "registry_untrusted",
        "registry_unresolved",
        "image_denied",
        "image_unknown",
        "images_not_used",
    }
)
"""Of the reasons why a tag has no digest."""
_PLAIN = "http://"
_NONE = "none"


def named(texts: Iterable[str]) -> Mapping[str, str]:
    """The registries of a setting, and how each is spoken to: `http` where that is said. Raises ValueError."""
    found = {}
    for text in texts:
        if text == _NONE:
            continue
        scheme = "http" if text.startswith(_PLAIN) else "https"
        found[registry_host(text.removeprefix(_PLAIN))] = scheme
    return found


def scheme_of(image: ImageName, known: Mapping[str, str], has_login: bool) -> str | None:
    """How the image's registry is spoken to; None: it is not asked. Nobody's credentials go out in plain http
    unless an operator has said so.
    """
    return known.get(image.registry) or ("https" if has_login else None)


def unpinned(image: str, registry: str, code: str, said: str) -> Reason:
    """Why a tag has no digest. `said`: of the registry."""
    message = f"The tag of {image} is not pinned: {said}. If it is moved, a later run starts in another image."
    return Reason(code=code, message=message, details={"image": image, "registry": registry})
