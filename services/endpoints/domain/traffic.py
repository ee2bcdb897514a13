"""What counts as somebody's use of an endpoint: not what a page that was left open asks for by itself."""

import re

_POLLING = re.compile(
    r"/(api/(kernels|sessions|terminals|kernelspecs|status|me|metrics/v1|contents|nbconvert|events/subscribe)"
    r"|lab/api/(workspaces|settings|news|translations))(/[^?]*)?(\?.*)?"
)
_RELOADING = re.compile(r"/(data/(runs|environment|plugins_listing|plugin/[a-z_]+/.*)|experiment/.*)(\?.*)?")
"""TensorBoard reloads its data by itself."""


def is_use(name: str, method: str, path: str) -> bool:
    """Whether a request was made by a person, as far as its form can tell; `path` as the program sees it, no prefix."""
    if method not in ("GET", "HEAD"):
        return not (name == "tensorboard" and _RELOADING.fullmatch(path))
    if name == "jupyter":
        return _POLLING.fullmatch(path) is None
    if name == "tensorboard":
        return _RELOADING.fullmatch(path) is None
    return True
