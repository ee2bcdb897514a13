"""Certificates and credentials that are replaced while the executor runs cost it nothing, and hold from then on."""

import base64
import json
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from structlog.testing import capture_logs

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.channels import EXEC_PROTOCOL
from services.executor.backends.kubernetes.kubelets import Kubelets
from services.executor.backends.kubernetes.refusals import ClusterAway
from shared.contracts.errors import TemporaryError
from tests.support.kubernetes.played import HERE, certified, kubeconfig, listening

Shown = tuple[str | None, str | None]
NODE = {"status": {"addresses": [{"type": "InternalIP", "address": HERE}]}}


@dataclass
class Server:
    """Says to each request who it took its caller for: the name in a certificate, and a token.

    `known`: who may ask, if not everybody; `keeps`: whether a connection is used for more than one request.
    """

    tls: ssl.SSLContext
    port: int = 0
    known: Shown | None = None
    keeps: bool = True
    seen: list[Shown] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        shown = _certificate(request), request.headers.get("Authorization")
        self.seen.append(shown)
        if self.known is not None and shown != self.known:
            return web.json_response({"reason": "Unauthorized"}, status=401)
        if request.headers.get("Upgrade") == "websocket":
            return await _echo(request)
        found: dict[str, object] = {"shown": shown}
        if request.path.startswith("/api/v1/nodes/"):
            found["status"] = {**NODE["status"], "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}}}
        answer = web.json_response(found | {"pods": []})
        if not self.keeps:
            answer.force_close()
        return answer


def _certificate(request: web.Request) -> str | None:
    assert request.transport is not None
    shown = request.transport.get_extra_info("peercert") or {}
    return next((value for part in shown.get("subject", ()) for name, value in part if name == "commonName"), None)


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=(EXEC_PROTOCOL,))
    await socket.prepare(request)
    async for message in socket:
        await socket.send_bytes(message.data)
    return socket


@asynccontextmanager
async def serving(authority: trustme.CA, of_callers: trustme.CA | None = None) -> AsyncIterator[Server]:
    """`of_callers`: who signs certificates that callers may show."""
    server, app = Server(certified(authority)), web.Application()
    if of_callers is not None:
        of_callers.configure_trust(server.tls)
        server.tls.verify_mode = ssl.CERT_OPTIONAL
    app.router.add_route("*", "/{path:.*}", server.answer)
    async with listening(app, server.tls) as server.port:
        yield server


@asynccontextmanager
async def opened(config: Path) -> AsyncIterator[Api]:
    api = Api(config)
    await api.open()
    try:
        yield api
    finally:
        await api.close()


async def shown(api: Api) -> list[str | None]:
    found: list[str | None] = (await api.get("/api/v1/pods"))["shown"]
    return found


def written(path: Path, *pems: trustme.Blob) -> None:
    """In one step, as cert-manager and kubelets write them."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(b"".join(pem.bytes() for pem in pems))
    fresh.replace(path)


def certificate(authority: trustme.CA, name: str) -> trustme.LeafCert:
    return authority.issue_cert(common_name=name)


async def test_a_client_certificate_that_was_replaced_is_shown_once_its_key_is_there_and_what_is_open_stays(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    cert, key = tmp_path / "client.crt", tmp_path / "client.key"
    first, second = certificate(authority, "first"), certificate(authority, "second")
    written(tmp_path / "ca.crt", authority.cert_pem)
    written(cert, *first.cert_chain_pems)
    written(key, first.private_key_pem)
    user = {"client-certificate": "client.crt", "client-key": "client.key"}
    async with (
        serving(authority, authority) as server,
        opened(kubeconfig(tmp_path, server.port, {"certificate-authority": "ca.crt"}, user)) as api,
        api.websocket("/exec", [], EXEC_PROTOCOL) as socket,
    ):
        assert await shown(api) == ["first", None]
        written(cert, *second.cert_chain_pems)
        with capture_logs() as logs:
            assert await shown(api) == ["first", None]
            assert await shown(api) == ["first", None]
        assert [entry["event"] for entry in logs] == ["certificates_unreadable"], "which is said once"
        written(key, second.private_key_pem)
        assert await shown(api) == ["second", None]
        async with api.websocket("/exec", [], EXEC_PROTOCOL):
            assert server.seen[-1] == ("second", None)
        await socket.send_bytes(b"still here")
        assert await socket.receive_bytes() == b"still here"


@pytest.mark.parametrize("of_kubelets", [False, True])
async def test_an_authority_that_was_replaced_is_trusted_from_then_on_and_the_former_one_no_more(
    tmp_path: Path, of_kubelets: bool
) -> None:
    before, after, ca = trustme.CA(), trustme.CA(), tmp_path / "ca.crt"
    written(ca, before.cert_pem)
    async with serving(before) as server, serving(before) as kubelet:
        server.keeps = kubelet.keeps = False
        changing = kubelet if of_kubelets else server
        known = {"certificate-authority": "ca.crt"}
        if of_kubelets:
            written(tmp_path / "clusters.crt", before.cert_pem)
            known = {"certificate-authority": "clusters.crt"}
        async with opened(kubeconfig(tmp_path, server.port, known, {})) as api:
            kubelets = Kubelets(api, "summary", "jobyard-", ca)
            server.port = kubelet.port  # where it says that the node's kubelet is

            async def asked() -> None:
                await (kubelets.read("n1") if of_kubelets else api.text("/api/v1/pods"))

            await asked()
            after.issue_cert(HERE).configure_cert(changing.tls)
            with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
                await asked()
            written(ca, after.cert_pem)
            await asked()
            before.issue_cert(HERE).configure_cert(changing.tls)
            with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
                await asked()


@dataclass
class Plugin:
    """A kubeconfig's `exec`: it gives what is in its file, and fails when that is not there."""

    folder: Path

    @property
    def user(self) -> dict[str, object]:
        script = f"import sys; sys.stdout.write(open({str(self._file)!r}).read())"
        api_version = "client.authentication.k8s.io/v1"
        return {"exec": {"apiVersion": api_version, "command": sys.executable, "args": ["-c", script]}}

    @property
    def _file(self) -> Path:
        return self.folder / "credentials.json"

    def gives(self, **status: str) -> None:
        said = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
        self._file.write_text(json.dumps(said))

    def fails(self) -> None:
        self._file.unlink()


def in_config(authority: trustme.CA) -> dict[str, object]:
    return {"certificate-authority-data": base64.b64encode(authority.cert_pem.bytes()).decode()}


async def test_a_plugin_is_asked_again_for_a_token_that_is_refused_and_while_it_fails_nobody_is_asked_as_nobody(
    tmp_path: Path,
) -> None:
    authority, plugin = trustme.CA(), Plugin(tmp_path)
    plugin.gives(token="first")
    async with (
        serving(authority) as server,
        opened(kubeconfig(tmp_path, server.port, in_config(authority), plugin.user)) as api,
    ):
        assert await shown(api) == [None, "Bearer first"]
        server.known = (None, "Bearer second")
        plugin.fails()
        with pytest.raises(ClusterAway, match="Unauthorized"):
            await api.text("/api/v1/pods")
        with pytest.raises(ClusterAway, match="Unauthorized"):
            await api.text("/api/v1/pods")
        assert set(server.seen) == {(None, "Bearer first")}
        plugin.gives(token="second")
        assert await shown(api) == [None, "Bearer second"]


async def test_a_certificate_that_a_plugin_gave_is_replaced_when_it_is_refused(tmp_path: Path) -> None:
    authority, plugin = trustme.CA(), Plugin(tmp_path)

    def gives(name: str) -> None:
        pair = certificate(authority, name)
        pem = "".join(each.bytes().decode() for each in pair.cert_chain_pems)
        plugin.gives(clientCertificateData=pem, clientKeyData=pair.private_key_pem.bytes().decode())

    gives("first")
    async with (
        serving(authority, authority) as server,
        opened(kubeconfig(tmp_path, server.port, in_config(authority), plugin.user)) as api,
    ):
        assert await shown(api) == ["first", None]
        server.known = ("second", None)
        gives("second")
        assert await shown(api) == ["second", None]


async def test_without_credentials_from_its_plugin_nothing_is_opened_and_that_may_pass(tmp_path: Path) -> None:
    with pytest.raises(TemporaryError, match="plugin"):
        await Api(kubeconfig(tmp_path, 1, {}, Plugin(tmp_path).user)).open()
