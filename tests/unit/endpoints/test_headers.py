"""What of a request's and a reply's headers goes on, and what ends at the door."""

import pytest

from services.endpoints.domain.cookies import confined, name_at_door, without_ours
from services.endpoints.domain.headers import Client, HostileReply, from_job, reason_from_job, to_job
from services.endpoints.domain.place import Place
from tests.support.door import JOB

PLACE = Place(JOB, "port-8080")
OWN = Place(JOB, "port-8080", own_origin=True)
CLIENT = Client("10.0.0.9", "jobs.example.org", "https")
PREFIX = f"/endpoints/{JOB}/port-8080"


def sent(*headers: tuple[str, str], secret: str | None = None, own: str | None = None) -> dict[str, str]:
    return {name.lower(): value for name, value in to_job(headers, PLACE, CLIENT, secret, own)}


def got(*headers: tuple[str, str], place: Place = PLACE) -> list[tuple[str, str]]:
    return from_job(headers, place, CLIENT, 8080)


def test_hop_by_hop_headers_and_those_that_connection_names_end_here() -> None:
    hop = [
        ("Connection", "close, X-Mine"),
        ("X-Mine", "1"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Trailer", "X"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Proxy-Connection", "close"),
    ]
    assert sent(*hop, ("Accept", "*/*")).keys() == {
        *("accept", "host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix")
    }
    assert got(*hop, ("ETag", "x")) == [("ETag", "x")]


def test_connection_cannot_take_away_what_the_door_says() -> None:
    assert (
        sent(("Connection", "host, x-forwarded-for"), ("Host", "evil")).items()
        >= {
            "host": "jobs.example.org",
            "x-forwarded-for": "10.0.0.9",
        }.items()
    )


def test_what_a_client_says_of_proxies_is_replaced() -> None:
    headers = sent(("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Host", "evil"), ("Forwarded", "for=1.2.3.4"))
    assert headers["x-forwarded-for"] == "10.0.0.9" and headers["x-forwarded-host"] == "jobs.example.org"
    assert headers["x-forwarded-proto"] == "https" and headers["x-forwarded-prefix"] == PREFIX
    assert "forwarded" not in headers


def test_the_job_gets_its_own_authorization_and_the_programs_token_but_never_ours() -> None:
    assert "authorization" not in sent(("Authorization", "Bearer jy_secret"))
    assert sent(("Authorization", "Basic eA=="), own="Basic eA==")["authorization"] == "Basic eA=="
    assert sent(("Authorization", "Basic eA=="), own="Basic eA==", secret="s")["authorization"] == "token s"


def test_the_platforms_cookies_and_a_ticket_in_the_referer_stay_here() -> None:
    assert without_ours(["jobyard-endpoint=x; a=1", "jobyard_session=y; b=2;"]) == "a=1; b=2"
    assert "cookie" not in sent(("Cookie", "jobyard-endpoint=x"))
    assert "referer" not in sent(("Referer", "https://jobs.example.org/?ticket=jyt_x"))
    assert sent(("Referer", "https://jobs.example.org/a"))["referer"] == "https://jobs.example.org/a"


@pytest.mark.parametrize(
    ("set_cookie", "path"),
    [
        ("a=1", PREFIX),
        ("a=1; Path=/", PREFIX),
        ("a=1; path=/sub", f"{PREFIX}/sub"),
        ("a=1; Path=/; Path=/x", f"{PREFIX}/x"),
        (f"a=1; Path={PREFIX}/lab", f"{PREFIX}/lab"),
        (f"a=1; Path={PREFIX}0", f"{PREFIX}{PREFIX}0"),
        ("a=1; Path=relative", PREFIX),
    ],
)
def test_a_jobs_cookie_is_confined_to_its_path(set_cookie: str, path: str) -> None:
    assert confined(set_cookie, PREFIX) == f"a=1; Path={path}"


def test_a_cookie_loses_its_domain_keeps_the_rest_and_may_not_be_one_of_ours() -> None:
    assert (
        confined("a=1; Domain=example.org; HttpOnly; Max-Age=5", PREFIX) == f"a=1; HttpOnly; Max-Age=5; Path={PREFIX}"
    )
    assert confined("a=1; Path=/x; Domain=example.org", "/") == "a=1; Path=/x"
    for ours in ("jobyard-endpoint=x", " JOBYARD-endpoint =x; Path=/", "=jobyard-endpoint=x", "jobyard-endpoint"):
        assert confined(ours, PREFIX) is None
    for ours in ("__Host-jobyard-endpoint=x; Path=/; Secure", "__secure-Jobyard-endpoint=x", "=__Host-jobyard=x"):
        assert confined(ours, "/") is None


def test_the_doors_cookie_is_bound_to_its_host_by_its_name_as_far_as_the_form_allows() -> None:
    assert name_at_door("http", PREFIX) == "jobyard-endpoint"
    assert name_at_door("https", PREFIX) == "__Secure-jobyard-endpoint"
    assert name_at_door("https", "/") == "__Host-jobyard-endpoint"
    assert without_ours(["__Host-jobyard-endpoint=x; a=1; __Secure-jobyard-endpoint=y"]) == "a=1"


def test_headers_that_reach_beyond_the_endpoint_are_dropped() -> None:
    beyond = [
        ("Service-Worker-Allowed", "/"),
        ("Clear-Site-Data", '"*"'),
        ("Strict-Transport-Security", "max-age=1"),
        ("Alt-Svc", 'h3="evil.example:443"'),
        ("NEL", "{}"),
        ("Report-To", "{}"),
        ("Reporting-Endpoints", 'a="https://evil.example"'),
        ("Origin-Agent-Cluster", "?1"),
        ("Public-Key-Pins", "x"),
        ("Public-Key-Pins-Report-Only", "x"),
    ]
    assert got(*beyond, ("X-Frame-Options", "DENY")) == [("X-Frame-Options", "DENY")]
    assert got(*beyond, place=OWN) == []


@pytest.mark.parametrize("reason", ["O\x01K", "O\rX: y", "O\nK", "O\x7fK", "\0"])
def test_the_words_beside_the_status_are_checked_as_headers_are(reason: str) -> None:
    with pytest.raises(HostileReply):
        reason_from_job(reason)
    assert reason_from_job("Not\tFound, schön") == "Not\tFound, schön"
    assert reason_from_job("") == "" and reason_from_job(None) is None


@pytest.mark.parametrize(
    ("location", "rewritten"),
    [
        ("/login?next=/", f"{PREFIX}/login?next=/"),
        (f"{PREFIX}/login", f"{PREFIX}/login"),
        ("next", "next"),
        ("?page=2", "?page=2"),
        ("http://127.0.0.1:8080/a", f"{PREFIX}/a"),
        ("http://localhost:8080", f"{PREFIX}/"),
        ("http://jobs.example.org/a?b#c", f"{PREFIX}/a?b#c"),
        ("http://127.0.0.1:9090/a", "http://127.0.0.1:9090/a"),
        ("https://elsewhere.example/a", "https://elsewhere.example/a"),
        ("//elsewhere.example/a", "//elsewhere.example/a"),
    ],
)
def test_a_location_that_means_the_job_itself_leads_through_the_door(location: str, rewritten: str) -> None:
    assert got(("Location", location)) == [("Location", rewritten)]


def test_with_an_origin_of_its_own_a_port_has_no_prefix() -> None:
    assert got(("Location", "http://127.0.0.1:8080/a"), place=OWN) == [("Location", "/a")]
    assert got(("Set-Cookie", "a=1; Path=/x"), place=OWN) == [("Set-Cookie", "a=1; Path=/x")]
    assert "x-forwarded-prefix" not in {name.lower() for name, _ in to_job([], OWN, CLIENT, None, None)}


@pytest.mark.parametrize("header", [("X", "a\rb"), ("X", "a\nSet-Cookie: b"), ("X", "a\0b"), ("X y", "1"), ("", "1")])
def test_a_reply_with_headers_that_are_none_is_hostile(header: tuple[str, str]) -> None:
    with pytest.raises(HostileReply):
        got(header)
