"""What kubelets are shown, and what is said of one whose certificate nobody knows. Both servers are played."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.kubelets import MOST_BYTES, Kubelets, KubeletUntrusted
from services.executor.backends.kubernetes.refusals import ApiError
from tests.support.kubernetes.played import HERE, certified, kubeconfig, listening

OWN, SHOWN = "the-executors-own", "for-kubelets-alone"
SUMMARY = {"pods": [{"podRef": {"namespace": "jobyard-default", "name": "job-a"}}]}


@dataclass
class Cluster:
    """An API server and the kubelet of its node `n1`, and which `Authorization` each of them has seen."""

    api: Api
    seen: dict[str, list[str | None]] = field(default_factory=dict)
    said: web.Response | None = None
    """By the kubelet, in place of figures."""


@asynccontextmanager
async def cluster(folder: Path, of_kubelet: trustme.CA | None = None) -> AsyncIterator[Cluster]:
    """`of_kubelet`: who has signed the kubelet's certificate, if that is not the cluster's authority."""
    authority, seen = trustme.CA(), dict[str, list[str | None]]()
    there: list[Cluster] = []
    ports: list[int] = []

    async def node(request: web.Request) -> web.Response:
        seen.setdefault("api", []).append(request.headers.get("Authorization"))
        addresses = [{"type": "InternalIP", "address": HERE}]
        endpoint = {"kubeletEndpoint": {"Port": ports[0]}}
        return web.json_response({"status": {"addresses": addresses, "daemonEndpoints": endpoint}})

    async def summary(request: web.Request) -> web.Response:
        seen.setdefault("kubelet", []).extend(request.headers.getall("Authorization", [None]))
        return there[0].said or web.json_response(SUMMARY)

    server, kubelet = web.Application(), web.Application()
    server.router.add_get("/api/v1/nodes/n1", node)
    kubelet.router.add_get("/stats/summary", summary)
    kubelet.router.add_get("/elsewhere", summary)
    of_kubelet = of_kubelet or authority
    async with listening(server, certified(authority)) as port, listening(kubelet, certified(of_kubelet)) as other:
        ports.append(other)
        authority.cert_pem.write_to_path(str(folder / "ca.crt"))
        config = kubeconfig(folder, port, {"certificate-authority": str(folder / "ca.crt")}, {"token": OWN})
        api = Api(config)
        await api.open()
        try:
            there.append(Cluster(api, seen))
            yield there[0]
        finally:
            await api.close()


async def test_a_kubelet_is_shown_its_own_token_and_never_the_executors(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{SHOWN}\n")
    async with cluster(tmp_path) as there:
        kubelets = Kubelets(there.api, "summary", "jobyard-", token_file=token)
        assert set(await kubelets.read("n1")) == {("jobyard-default", "job-a")}
        token.write_text("another")
        await kubelets.read("n1")
        assert there.seen == {"api": [f"Bearer {OWN}"], "kubelet": [f"Bearer {SHOWN}", "Bearer another"]}


async def test_while_there_is_no_token_for_kubelets_none_is_asked(tmp_path: Path) -> None:
    async with cluster(tmp_path) as there:
        with pytest.raises(FileNotFoundError):
            await Kubelets(there.api, "summary", "jobyard-", token_file=tmp_path / "token").read("n1")
        assert "kubelet" not in there.seen
        await Kubelets(there.api, "summary", "jobyard-").read("n1")
        assert there.seen["kubelet"] == [f"Bearer {OWN}"], "unless none is named: then it is the executor's own"


async def test_of_a_kubelet_that_signed_its_own_certificate_it_is_said_what_helps(tmp_path: Path) -> None:
    its_own = trustme.CA()
    async with cluster(tmp_path, its_own) as there:
        with pytest.raises(KubeletUntrusted) as untrusted:
            await Kubelets(there.api, "summary", "jobyard-").read("n1")
        said = str(untrusted.value)
        assert "CERTIFICATE_VERIFY_FAILED" in said and "serverTLSBootstrap" in said
        for setting in ("KUBELET_CA", "KUBELETS=proxied"):
            assert f"JOBYARD_EXECUTOR_KUBERNETES_{setting}" in said
        assert "kubelet" not in there.seen
        its_own.cert_pem.write_to_path(str(tmp_path / "kubelets.crt"))
        assert await Kubelets(there.api, "summary", "jobyard-", tmp_path / "kubelets.crt").read("n1")


DEEP = b"[" * 100_000
HOSTILE = {
    "a redirect": (302, b"", "redirect"),
    "too much": (200, b"[" + b" " * MOST_BYTES["/stats/summary"] + b"]", "more than"),
    "too deep": (200, DEEP, "deep"),
    "a refusal that is too deep": (403, DEEP, "403"),
    "a refusal of another form": (403, b'{"details": {"causes": 5}}', "403"),
    "no text": (200, b"\xff", "Expecting"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_node_in_wrong_hands_costs_its_own_figures_and_nothing_else(tmp_path: Path, case: str) -> None:
    status, body, words = HOSTILE[case]
    async with cluster(tmp_path) as there:
        there.said = web.Response(status=status, body=body, headers={"Location": "/elsewhere"})
        with pytest.raises((ApiError, OSError, ValueError), match=words):
            await Kubelets(there.api, "summary", "jobyard-").read("n1")
        assert len(there.seen["kubelet"]) == 1, "it sends nobody elsewhere"
