"""Which names are the door's, and where a request comes from."""

import pytest

from services.endpoints.domain.origins import Names, host_name

DOOR = Names({"jobs.example.org"}, proxies=("10.0.0.1", "10.0.0.2"))


@pytest.mark.parametrize("host", ["jobs.example.org", "jobs.example.org:1", "Jobs.Example.org:65535", "[::1]:8081"])
def test_a_host_is_a_name_and_a_port_that_there_is(host: str) -> None:
    assert host_name(host) == host.lower().removesuffix(":1").removesuffix(":65535").removesuffix(":8081")


@pytest.mark.parametrize("host", ["jobs.example.org:65536", "a:99999", "a:", "a:b", "a@b", "a/b", "", None])
def test_what_is_no_host_has_no_name(host: str | None) -> None:
    assert host_name(host) is None


def test_a_request_comes_from_the_last_address_that_is_no_trusted_proxys() -> None:
    def source(peer: str, forwarded: str | None) -> str:
        return DOOR.source(peer, {} if forwarded is None else {"X-Forwarded-For": forwarded})

    assert source("192.0.2.7", "192.0.2.9") == "192.0.2.7"
    assert source("10.0.0.1", "192.0.2.9") == "192.0.2.9"
    assert source("10.0.0.1", "203.0.113.1, 192.0.2.9, 10.0.0.2") == "192.0.2.9"
    assert source("10.0.0.1", None) == source("10.0.0.1", ",") == "10.0.0.1"


def test_a_name_below_the_domain_is_the_doors() -> None:
    names = Names({"localhost"}, domain="Jobs.Example.org")
    assert names.trusted("a.jobs.example.org") and names.trusted("localhost")
    assert not names.trusted("jobs.example.org") and not names.trusted("ajobs.example.org")
