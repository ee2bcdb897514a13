"""What stands in an Authorization header: a token of this platform, or something between the client and the job.

What looks like a token of the platform is taken for one, whether or not it counts, and never goes on to a job.
"""

import base64
import binascii
import json

BEARER = "bearer "
API_TOKEN = "jy_"
ISSUER = "jobyard"


def platform_token(authorization: str) -> str | None:
    """The token, if it is one of the platform's."""
    if authorization[: len(BEARER)].lower() != BEARER:
        return None
    token = authorization[len(BEARER) :].strip()
    return token if token.startswith(API_TOKEN) or _issuer(token) == ISSUER else None


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
