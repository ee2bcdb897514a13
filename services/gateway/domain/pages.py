"""Which paths are pages of the console, and which belong to programs.

A page is asked for by GET or HEAD, and needs no token: it is the same for everybody, and what it shows it asks of the
API. All that is not reserved is a page, since the console reads its own addresses.
"""

RESERVED = ("/api", "/endpoints", "/grafana", "/healthz", "/readyz", "/metrics")
"""What is or lies under one of these is answered by the API, also where there is nothing."""
ASSETS = "/assets/"
"""Files whose names change with their content."""
LOOKING = frozenset({"GET", "HEAD"})


def is_page(method: str, path: str) -> bool:
    """`path`: decoded once, as routes are matched by it."""
    return method in LOOKING and not any(path == root or path.startswith(f"{root}/") for root in RESERVED)
