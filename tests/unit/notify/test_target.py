"""Where messages may go: what a recipient means, and which addresses are refused in all of their disguises."""

import ipaddress

import pytest

from services.notify.domain.target import Mail, Policy, Push, Refused, Webhook, target_of

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


def test_a_literal_address_is_refused_before_anything_is_stored() -> None:
    with pytest.raises(Refused):
        target_of("https://169.254.169.254/latest", OPEN)
    assert isinstance(target_of("http://10.1.2.3/", INSIDE), Webhook)
