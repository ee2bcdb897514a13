"""What an SSH client may ask for, and how many strangers there may be."""

import asyncio
import subprocess
from pathlib import Path

import asyncssh
import pytest

from services.endpoints.bastion.hostkey import HostKeys
from services.endpoints.domain.ssh import (
    NO_SFTP,
    SFTP,
    SFTP_SERVERS,
    Address,
    address_of,
    environment,
    leads_into_the_job,
    term_of,
    why_not_forwarded,
)
from services.endpoints.domain.strangers import Strangers, source_of
from shared.clock import SystemClock
from shared.contracts.errors import Conflict
from shared.contracts.job import RANKS
from shared.settings import PlatformSettings
from shared.store.open import open_store

JOB = "01JZ0123456789ABCDEFGHJKMN"


def test_a_user_name_is_a_job_id_with_or_without_a_rank() -> None:
    assert address_of(JOB) == Address(JOB, 0)
    assert address_of(JOB.lower()) == Address(JOB, 0)
    assert address_of(f"{JOB}.7") == Address(JOB, 7)
    assert address_of(f"{JOB}.{RANKS - 1}") == Address(JOB, RANKS - 1)


@pytest.mark.parametrize(
    "user",
    [
        *("", "root", "*", ">", "a.b", JOB[:-1], JOB + "A", f"{JOB}.", f"{JOB}.01", f"{JOB}.-1", f"{JOB}.{RANKS}"),
        *(
            f"{JOB}.99999",
            f"{JOB}\n",
            f" {JOB}",
            f"{JOB}.1.2",
            f"{JOB}.\u0663",
            JOB[:-1] + "\u0131",
            f"{JOB}\x00",
            "$ne",
        ),
    ],
)
def test_all_else_is_none(user: str) -> None:
    assert address_of(user) is None


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "::1"])
def test_a_forwarded_connection_stays_in_the_job(host: str) -> None:
    assert leads_into_the_job(host, 1024) and leads_into_the_job(host, 65_535)
    for port in (0, -1, 22, 80, 1023, 65_536):
        assert not leads_into_the_job(host, port)


@pytest.mark.parametrize(
    "host",
    [
        *("", "169.254.169.254", "::ffff:169.254.169.254", "::ffff:127.0.0.1", "[::1]", "0.0.0.0", "::", "127.0.0.2"),
        *("127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost.", "localhost.example.org", "evil@localhost"),
        *(
            "localhost\x00",
            "metadata.google.internal",
            "\u2488\u2488",
            "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
        ),
    ],
)
def test_it_leads_nowhere_else(host: str) -> None:
    assert not leads_into_the_job(host, 8080)


def test_a_port_that_nobody_has_and_one_that_strangers_have_are_the_same_to_a_client() -> None:
    silent = Conflict("Nothing listens.", details={"code": "not_listening"})
    others = [
        Conflict("Taken.", details={"code": "port_taken", "holder": holder})
        for holder in ("another job", "another program", "")
    ]
    assert len({why_not_forwarded(refusal, 8080) for refusal in (silent, *others)}) == 1
    own = Conflict("Taken by job X.", details={"code": "port_taken", "holder": "job X"})
    assert why_not_forwarded(own, 8080) == "Taken by job X."
    ended = Conflict("The job has no run here.", details={"code": "run_not_running"})
    assert why_not_forwarded(ended, 8080) == ended.message


def test_only_the_language_of_a_client_is_taken() -> None:
    asked = {
        b"LANG": b"de_DE.UTF-8",
        b"LC_ALL": b"C",
        b"LC_": b"C",
        b"LD_PRELOAD": b"/tmp/x.so",
        b"PATH": b"/tmp",
        b"LANGUAGE": b"de",
        b"LC_X\n": b"C",
        b"LC_BAD": b"() { :; }; true",
        b"LC_\xff": b"C",
        b"LC_TIME": b"\xff",
    }
    assert environment(asked) == {"LANG": "de_DE.UTF-8", "LC_ALL": "C"}


def test_what_is_no_kind_of_terminal_becomes_one_that_all_know() -> None:
    assert term_of("xterm-256color") == "xterm-256color"
    for odd in (None, "", "../../x", "a b", "x" * 65, "-x"):
        assert term_of(odd) == "xterm"


def test_a_missing_sftp_server_is_named() -> None:
    assert all(server in SFTP[2] for server in SFTP_SERVERS)
    without = SFTP[2]
    for server in SFTP_SERVERS:
        without = without.replace(server, "/nowhere" + server)
    done = subprocess.run([*SFTP[:2], without], capture_output=True, text=True, env={"PATH": "/bin"}, check=False)
    assert (done.returncode, done.stderr.strip()) == (127, NO_SFTP)


def test_the_oldest_stranger_of_an_address_makes_room_for_its_newest() -> None:
    strangers = Strangers[str](most=5, most_of_one=3)
    assert [strangers.enter(f"a{number}", "192.0.2.1") for number in range(5)] == [None, None, None, "a0", "a1"]
    strangers.leave("a3")
    assert strangers.enter("a5", "192.0.2.1") is None


def test_whoever_comes_from_elsewhere_is_let_in_and_not_dropped_for_a_crowd() -> None:
    strangers = Strangers[str](most=6, most_of_one=5)
    assert strangers.enter("ada", "198.51.100.7") is None
    dropped = [strangers.enter(f"{address}-{n}", f"192.0.2.{address}") for n in range(5) for address in range(4)]
    assert "ada" not in dropped
    assert dropped.count(None) == 5
    assert strangers.enter("bob", "203.0.113.9") not in (None, "ada", "bob")


def test_a_stranger_that_is_known_or_was_dropped_counts_no_more() -> None:
    strangers = Strangers[str](most=2, most_of_one=1)
    strangers.enter("a", "192.0.2.1")
    assert strangers.enter("b", "192.0.2.1") == "a"
    for gone in ("a", "b", "b"):
        strangers.leave(gone)
    assert strangers.enter("c", "192.0.2.1") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (source_of(one) == source_of(other)) is same


async def test_all_replicas_have_one_host_key(tmp_path: Path) -> None:
    store = open_store(PlatformSettings(data=tmp_path), "endpoints", local=True)
    replicas = [HostKeys(store, SystemClock()) for _ in range(3)]
    await store.open()
    try:
        keys = await asyncio.gather(*(replica.get() for replica in replicas))
    finally:
        await store.close()
    assert len({key.get_fingerprint() for key in keys}) == 1
    assert isinstance(keys[0], asyncssh.SSHKey)
