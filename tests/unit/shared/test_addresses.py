"""Which addresses are connected to: the public ones, in their own form, and those that an operator has allowed."""

import ipaddress

import pytest

from shared.contracts.addresses import AddressRefused, check_address

INSIDE = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"))

PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700::1111"]
INNER = """127.0.0.1 127.1.2.3 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 240.0.0.1
255.255.255.255 192.0.2.1 198.18.0.1 ::1 :: fe80::1 fc00::1 fd00::1 ff02::1 2001:db8::1 ::ffff:127.0.0.1
::ffff:169.254.169.254 ::ffff:8.8.8.8 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 2002:7f00:1:: 2002:808:808::
2001:0:4136:e378:8000:63bf:3fff:fdd2""".split()


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_free_for_https(address: str) -> None:
    check_address(address, "https", ())


@pytest.mark.parametrize("address", INNER)
def test_inner_and_disguised_addresses_are_refused(address: str) -> None:
    with pytest.raises(AddressRefused, match="inside of a network"):
        check_address(address, "https", ())


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd12::1"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_the_operator_allows_is_allowed_in_every_form(address: str, scheme: str) -> None:
    check_address(address, scheme, INSIDE)


@pytest.mark.parametrize("address", ["10.2.0.1", "::ffff:10.2.0.1", "127.0.0.1"])
def test_and_nothing_beside_it(address: str) -> None:
    for scheme in ("http", "https"):
        with pytest.raises(AddressRefused):
            check_address(address, scheme, INSIDE)


@pytest.mark.parametrize("address", PUBLIC)
def test_plain_http_goes_to_allowed_networks_only(address: str) -> None:
    with pytest.raises(AddressRefused, match="plain http"):
        check_address(address, "http", INSIDE)
