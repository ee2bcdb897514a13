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
)
from services.endpoints.domain.strangers import Strangers
from shared.clock import SystemClock
from shared.settings import PlatformSettings
from shared.store.open import open_store

JOB = "01JZ0123456789ABCDEFGHJKMN"


def test_a_user_name_is_a_job_id_with_or_without_a_rank() -> None:
    assert address_of(JOB) == Address(JOB, 0)
    assert address_of(JOB.lower()) == Address(JOB, 0)
    assert address_of(f"{JOB}.7") == Address(JOB, 7)
    assert address_of(f"{JOB}.1023") == Address(JOB, 1023)


@pytest.mark.parametrize(
    "user",
    [
        *("", "root", "*", ">", "a.b", JOB[:-1], JOB + "A", f"{JOB}.", f"{JOB}.01", f"{JOB}.-1", f"{JOB}.1024"),
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


def test_strangers_leave_room_for_those_of_other_addresses() -> None:
    strangers = Strangers(most=5, most_of_one=3)
    assert [strangers.enter("a") for _ in range(4)] == [True, True, True, False]
    assert [strangers.enter("b") for _ in range(3)] == [True, True, False]
    strangers.leave("a")
    assert strangers.enter("c")
    assert not strangers.enter("a")


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
