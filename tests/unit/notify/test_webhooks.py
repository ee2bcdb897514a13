"""Webhooks as they connect: the checked address and no other, the certificate of the name, time and size limits."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme

from services.notify.domain.target import Webhook
from services.notify.failures import Hopeless, Missed
from services.notify.store import NotifyStore
from services.notify.webhooks import SigningSecrets, Webhooks
from shared.clock import SystemClock
from shared.guarded import Resolve
from shared.store.sqlite import SqliteStore
from tests.support.receiver import Receiver

LOCAL = (ipaddress.ip_network("127.0.0.1/32"),)


class Names:
    """A resolver whose answers a test writes; each is given once, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[SigningSecrets]:
    store = SqliteStore(tmp_path / "notify.sqlite")
    secrets = SigningSecrets(NotifyStore(store), SystemClock())
    await store.open()
    yield secrets
    await store.close()


async def post(keys: SigningSecrets, host: str, port: int, resolve: Resolve, scheme: str = "http", **more: Any) -> None:
    hooks = Webhooks(keys, SystemClock(), more.pop("networks", LOCAL), more.pop("timeout_s", 10.0), resolve)
    await hooks.post(Webhook(scheme, host, port, "/hook"), "message-1", "{}", "ada")


async def test_a_name_is_resolved_once_and_its_checked_address_is_connected_to(
    keys: SigningSecrets, receiver: Receiver
) -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    await post(keys, "rebinding.invalid", receiver.port, names)
    assert names.asked == ["rebinding.invalid"]
    (arrival,) = receiver.at("/hook")
    assert arrival.headers["host"] == f"rebinding.invalid:{receiver.port}"
    with pytest.raises(Hopeless, match=r"169\.254\.169\.254"):
        await post(keys, "rebinding.invalid", receiver.port, names)
    assert len(receiver.arrived) == 1


@pytest.mark.parametrize("inner", ["127.0.0.2", "10.0.0.1", "::1", "::ffff:10.0.0.1", "224.0.0.1"])
async def test_one_refused_address_of_a_name_is_enough(keys: SigningSecrets, receiver: Receiver, inner: str) -> None:
    for addresses in ([inner], ["127.0.0.1", inner], [inner, "127.0.0.1"]):
        with pytest.raises(Hopeless):
            await post(keys, "mixed.invalid", receiver.port, Names(addresses))
    assert receiver.arrived == []


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1", "localhost."])
async def test_the_machine_s_own_resolver_is_not_believed_either(
    keys: SigningSecrets, receiver: Receiver, host: str
) -> None:
    hooks = Webhooks(keys, SystemClock(), (), 10.0)
    with pytest.raises(Missed):
        await hooks.post(Webhook("https", host, receiver.port, "/"), "message-1", "{}", "ada")
    assert receiver.arrived == []


async def test_an_address_that_does_not_answer_is_missed_and_the_next_one_is_tried(
    keys: SigningSecrets, receiver: Receiver
) -> None:
    both = (*LOCAL, ipaddress.ip_network("127.0.0.9/32"))
    await post(keys, "two.invalid", receiver.port, Names(["127.0.0.9", "127.0.0.1"]), networks=both)
    assert len(receiver.arrived) == 1
    with pytest.raises(Missed, match="could not be reached"):
        await post(keys, "one.invalid", receiver.port, Names(["127.0.0.9"]), networks=both)


async def test_https_needs_a_certificate_of_that_very_name(
    keys: SigningSecrets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hook.invalid").configure_cert(tls)
    with Receiver(tls) as receiver:
        with pytest.raises(Missed, match="certificate"):
            await post(keys, "hook.invalid", receiver.port, Names(["127.0.0.1"]), "https")
        trusted = tmp_path / "authority.pem"
        authority.cert_pem.write_to_path(str(trusted))
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        await post(keys, "hook.invalid", receiver.port, Names(["127.0.0.1"]), "https")
        with pytest.raises(Missed, match="certificate"):
            await post(keys, "other.invalid", receiver.port, Names(["127.0.0.1"]), "https")
        assert [arrival.headers["host"] for arrival in receiver.arrived] == [f"hook.invalid:{receiver.port}"]


async def serve(answer: bytes, forever: bytes = b"") -> asyncio.Server:
    """A server of bytes: `answer` once, then `forever` for as long as somebody listens."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            while forever:
                writer.write(forever)
                await writer.drain()
                await asyncio.sleep(0.01)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", 0)


async def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def test_of_an_endless_answer_only_the_status_is_read(keys: SigningSecrets) -> None:
    async with await serve(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"
    ) as server:
        await post(keys, "endless.invalid", await port_of(server), Names(["127.0.0.1"]))


@pytest.mark.parametrize(
    ("answer", "forever"),
    [
        (b"", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: x\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 4096),
        (b"\x00\xff\xfe", b""),
        (b"", b""),
        (b"SMTP 220 hello\r\n\r\n", b""),
    ],
)
async def test_an_answer_that_never_ends_or_is_none_is_missed_in_time(
    keys: SigningSecrets, answer: bytes, forever: bytes
) -> None:
    async with await serve(answer, forever) as server:
        with pytest.raises(Missed):
            await post(keys, "odd.invalid", await port_of(server), Names(["127.0.0.1"]), timeout_s=0.5)


async def test_a_secret_is_made_once_also_by_two_at_one_time(keys: SigningSecrets) -> None:
    found = await asyncio.gather(*(keys.of("ada") for _ in range(10)))
    assert len({document.secret for document in found}) == 1
    assert (await keys.of("bob")).secret != found[0].secret


async def test_a_renewal_is_made_once_however_often_it_is_asked_for(keys: SigningSecrets) -> None:
    first = await keys.of("ada")
    renewed = await keys.of("ada", renew=True, renewal="one")
    assert await keys.of("ada", renew=True, renewal="one") == renewed == await keys.of("ada")
    assert renewed.former == first.secret != renewed.secret
    assert (await keys.of("ada", renew=True, renewal="two")).former == renewed.secret
