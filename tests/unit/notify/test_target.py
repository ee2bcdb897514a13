"""Where messages may go: what a recipient means, and which addresses are refused in all of their disguises."""

import ipaddress

import pytest

from services.notify.domain.target import Mail, Policy, Push, Refused, Webhook, check, target_of

OPEN = Policy()
INSIDE = Policy(networks=(ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8")))


def test_recipients_are_taken_apart() -> None:
    assert target_of("mailto:ada@example.org", OPEN) == Mail("ada@example.org")
    hook = target_of("https://Example.org/a?b=c&d", OPEN)
    assert hook == Webhook("https", "Example.org", 443, "/a?b=c&d") and hook.authority == "Example.org"
    hook = target_of("https://[2606:4700::1111]:8443", OPEN)
    assert hook == Webhook("https", "[2606:4700::1111]", 8443, "/")
    assert isinstance(hook, Webhook) and hook.authority == "[2606:4700::1111]:8443"
    assert target_of("slack://a/b", Policy(schemes=frozenset({"slack"}))) == Push("slack", "slack://a/b")


@pytest.mark.parametrize(
    "to",
    [
        "mailto:ada@example.org?cc=eve@example.org",
        "mailto:ada@@example.org",
        "mailto:ada@example.org ",
        "mailto:ada@-example.org",
        "mailto:ada@example..org",
        "https://user@example.org/",
        "https://example.org@10.0.0.1/",
        "https://example.org\\.evil/",
        "https://example.org#@10.0.0.1/",
        "https://example.org:65536/",
        "https://exämple.org/",
        "http://example.org/",
        "slack://a/b",
        "noscheme",
        "",
    ],
)
def test_what_is_no_plain_recipient_is_refused(to: str) -> None:
    with pytest.raises(Refused):
        target_of(to, OPEN)


def test_an_operator_may_keep_mails_within_domains() -> None:
    policy = Policy(mail_domains=frozenset({"example.org"}))
    assert target_of("mailto:ada@EXAMPLE.org", policy) == Mail("ada@EXAMPLE.org")
    for to in ("mailto:ada@example.com", "mailto:ada@sub.example.org"):
        with pytest.raises(Refused):
            target_of(to, policy)


PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700::1111"]
INNER = """127.0.0.1 127.1.2.3 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 240.0.0.1
255.255.255.255 192.0.2.1 198.18.0.1 ::1 :: fe80::1 fc00::1 fd00::1 ff02::1 2001:db8::1 ::ffff:127.0.0.1
::ffff:169.254.169.254 ::ffff:8.8.8.8 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 2002:7f00:1:: 2002:808:808::
2001:0:4136:e378:8000:63bf:3fff:fdd2""".split()


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_free_for_https(address: str) -> None:
    check(address, "https", ())


@pytest.mark.parametrize("address", INNER)
def test_inner_and_disguised_addresses_are_refused(address: str) -> None:
    with pytest.raises(Refused, match="inside of a network"):
        check(address, "https", ())


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd12::1"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_the_operator_allows_is_allowed_in_every_form(address: str, scheme: str) -> None:
    check(address, scheme, INSIDE.networks)


@pytest.mark.parametrize("address", ["10.2.0.1", "::ffff:10.2.0.1", "127.0.0.1"])
def test_and_nothing_beside_it(address: str) -> None:
    for scheme in ("http", "https"):
        with pytest.raises(Refused):
            check(address, scheme, INSIDE.networks)


@pytest.mark.parametrize("address", PUBLIC)
def test_plain_http_goes_to_allowed_networks_only(address: str) -> None:
    with pytest.raises(Refused, match="plain http"):
        check(address, "http", INSIDE.networks)


def test_a_literal_address_is_refused_before_anything_is_stored() -> None:
    with pytest.raises(Refused):
        target_of("https://169.254.169.254/latest", OPEN)
    assert isinstance(target_of("http://10.1.2.3/", INSIDE), Webhook)
