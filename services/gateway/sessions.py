"""Signed in by a cookie: what a browser keeps instead of a token, and for which of its requests that counts.

The cookie holds the token that a program would send, and no page can read it. It counts for pages of this platform
alone: a change needs an Origin that is ours, and what a browser calls another origin's request is none of ours either.

A browser has one cookie for all of its tabs. A page that was opened by one person says so with each request (PERSON),
and is refused once another has signed in: nobody acts as somebody else without knowing.
"""

from starlette.datastructures import Headers
from starlette.responses import Response

from services.gateway.credentials import NO_TOKEN, Identify, SignedIn
from services.gateway.domain.origins import elsewhere, own
from services.gateway.domain.sessions import MOST, brought, name_over
from services.gateway.tokens import REFUSED
from shared.contracts.errors import Conflict, Forbidden, Unauthorized

NOT_OUR_PAGE = (
    "What a browser is signed in by counts for the platform's own pages only (Origin). A program sends its token as "
    "`Authorization: Bearer <token>`."
)
PERSON = "x-jobyard-person"
"""Whom the page that asks takes its user for; pages may leave it out."""
SEVERAL = "Two people are signed in in this browser. Sign out, remove this site's cookies, and sign in again."


class AnotherPerson(Conflict):
    """The page is not the one of whoever is signed in."""

    code = "another_person"


def give(answer: Response, token: str, lasts_s: int, scheme: str) -> None:
    """Let the browser keep this token."""
    name, secure = name_over(scheme), scheme == "https"
    answer.set_cookie(name, token, max_age=lasts_s, secure=secure, httponly=True, samesite="strict")


def take_back(answer: Response, scheme: str) -> None:
    """Let the browser forget it."""
    answer.delete_cookie(name_over(scheme), secure=scheme == "https", httponly=True, samesite="strict")


async def signed_in_by_cookie(headers: Headers, scheme: str, changes: bool, identify: Identify) -> SignedIn:
    """Whose browser this is. Raises Unauthorized; Forbidden where the cookie does not count for the request;
    AnotherPerson.
    """
    tokens = brought(headers.getlist("cookie"), scheme)
    if not tokens:
        raise Unauthorized(NO_TOKEN)
    ours = own(headers.get("origin"), scheme, headers.get("host", ""))
    if (changes and not ours) or elsewhere(headers.get("sec-fetch-site")):
        raise Forbidden(NOT_OUR_PAGE)
    who = await _the_person(tokens, identify)
    if headers.get(PERSON, who.caller.name) != who.caller.name:
        raise AnotherPerson(
            f"This browser is signed in as {who.caller.name} now, and the page was somebody else's. "
            "Nothing was done; load the page again."
        )
    return who


async def _the_person(tokens: tuple[str, ...], identify: Identify) -> SignedIn:
    """Of several cookies those that do not count are passed over: a page at another port of this host may have set
    them to keep somebody out. Nor is anybody taken for somebody else, whose cookie such a page has set beside theirs.
    """
    found: list[SignedIn] = []
    refused = Unauthorized(REFUSED)
    for token in tokens[-MOST:]:  # browsers send those of longer paths first, and ours is that of `/`
        try:
            found.append(await identify(token))
        except Unauthorized as refusal:
            refused = refusal
    people = {who.caller.name for who in found if who.api_token is None}
    if len(people) > 1:
        raise Unauthorized(SEVERAL)
    who = next((who for who in found if who.api_token is None), None)
    if who is None:
        raise refused
    return who
