"""Who listens on a port: the kernel's two ways of saying it agree, and an address is not taken on trust."""

import os
import socket
from ipaddress import ip_address

import pytest

from services.executor.backends.process.listeners import Listener, asked_for, held, is_local, on_port, read_for


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "127.9.8.7", "::1", "::", "::ffff:127.0.0.1"])
def test_both_ways_of_asking_find_the_same_socket(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((address, 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1" if "127.0.0.1" in address else address, port)):
            plain = ip_address(address.removeprefix("::ffff:"))
            inode = os.fstat(server.fileno()).st_ino
            expected = [Listener(plain, inode, plain.version)]
            assert list(asked_for(port)) == expected
            assert list(read_for(port)) == expected
            assert on_port(port) == expected
            assert held({inode}, [os.getpid()]) == {inode}
            assert held({inode}, [os.getppid()]) == set()
    assert on_port(port) == []


@pytest.mark.parametrize(
    ("address", "target", "hears"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("0.0.0.0", "127.0.0.2", True),
        ("0.0.0.0", "::1", False),
        ("::", "::1", True),
        ("::", "127.0.0.1", True),
        ("::1", "127.0.0.1", False),
    ],
)
def test_a_wildcard_hears_what_comes_to_any_address(address: str, target: str, hears: bool) -> None:
    listener = Listener(ip_address(address), 1, ip_address(address).version)
    assert listener.hears(ip_address(target)) is hears


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.200.3.4", True),
        ("::1", True),
        ("169.254.169.254", False),
        ("fe80::1", False),
        ("224.0.0.1", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
    ],
)
def test_only_addresses_of_this_machine_are_local(address: str, local: bool) -> None:
    assert is_local(ip_address(address)) is local
