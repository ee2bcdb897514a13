"""What stands in an Authorization header: a token of this platform, or something between the client and the job.

What looks like a token of the platform is taken for one, under whatever scheme and whether or not it counts, and never
goes on to a job.
"""

import base64
import binascii
import json
import re

ISSUER = "jobyard"
_API_TOKEN = re.compile(r"(?<![A-Za-z0-9])jy_[A-Za-z0-9_-]+")
_BETWEEN = re.compile(r"[^A-Za-z0-9_.-]+")
_BETWEEN_ENCODED = re.compile(r"[^A-Za-z0-9+/_=-]+")


def platform_token(authorization: str) -> str | None:
    """One in the value that is the platform's, as it stands there or within base64 (`Basic`)."""
    for text in (authorization, *map(_decoded, _BETWEEN_ENCODED.split(authorization))):
        found = _API_TOKEN.search(text)
        if found is not None:
            return found[0]
        for word in _BETWEEN.split(text):
            if _issuer(word) == ISSUER:
                return word
    return None


def _decoded(encoded: str) -> str:
    """What base64 of either alphabet says; nothing for what is none."""
    plain = encoded.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4)).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""


def _issuer(token: str) -> object:
    """Who a JWT says that it comes from, believed by nobody."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return claims.get("iss") if isinstance(claims, dict) else None
