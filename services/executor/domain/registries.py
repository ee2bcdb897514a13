"""Which registries the images of runs may come from: a node pulls from whatever host a job names, unless operators say.

The gateway's check of addresses is of what itself connects to; a node has its own way to the network.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from shared.contracts.images import image_name
from shared.contracts.job import Reason


def forbidden(image: str, allowed: Sequence[str]) -> Reason | None:
    """Why a run may not start in it. `allowed`: patterns of registries with their ports, as `*.lab:5000`; none: all."""
    try:
        registry = image_name(image).registry
    except ValueError as error:
        message = f"The image name {image} is not valid: it {error}."
        return Reason(code="image_invalid", message=message, details={"image": image, "said": f"it {error}"})
    if not allowed or any(fnmatchcase(registry, pattern) for pattern in allowed):
        return None
    message = (
        f"The image {image} is of the registry {registry}; nodes here pull from {', '.join(allowed)} alone. Submit "
        "with an image of these, or ask an operator to allow it (JOBYARD_EXECUTOR_REGISTRIES)."
    )
    return Reason(code="registry_forbidden", message=message, details={"image": image, "registry": registry})
