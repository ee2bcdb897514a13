"""Which form of a file a browser gets: the encodings that it takes, and whether it has the file already (RFC 9110)."""

from collections.abc import Sequence


def encoding_for(accepted: str, there_are: Sequence[str]) -> str | None:
    """Of these encodings, the best first, the one that an Accept-Encoding header likes most; None: as it is."""
    weights = dict(_weighed(item) for item in accepted.lower().split(","))

    def weight(encoding: str) -> float:
        return weights.get(encoding, weights.get("*", 0.0))

    best = max(there_are, key=weight, default=None)
    if best is None or weight(best) == 0 or weight(best) < weights.get("identity", 0.0):
        return None
    return best


def has_it(if_none_match: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names this version."""
    if if_none_match is None:
        return False
    known = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return if_none_match.strip() == "*" or etag in known


def _weighed(item: str) -> tuple[str, float]:
    """`gzip;q=0.5` -> gzip, 0.5; a weight that is none counts as 0."""
    name, *parameters = (part.strip() for part in item.split(";"))
    given = next((value for key, _, value in (part.partition("=") for part in parameters) if key.strip() == "q"), "1")
    try:
        weight = float(given)
    except ValueError:
        weight = 0.0
    return name, weight if 0 <= weight <= 1 else 0.0
