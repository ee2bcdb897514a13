"""What pods use, asked of the kubelets of their nodes: one question to each, for all of its pods.

A kubelet is asked itself, so that the executor needs the right to figures alone (`nodes/stats`, or `nodes/metrics` for
cAdvisor's). Through the API server that would be `nodes/proxy`, which lets whoever has it run commands in every pod of
the node. It gets a token of its own to see, where there is one: whoever has a node in their hands gets hold of what its
kubelet is shown.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.certificates import Certificates
from services.executor.backends.kubernetes.connection import Kubelet
from services.executor.domain.documents import parsed
from services.executor.domain.pod_figures import CADVISOR, Pod, PodFigures, Series, of_series, of_summary

SUMMARY, CADVISOR_METRICS = "/stats/summary", "/metrics/cadvisor"
MOST_BYTES = {SUMMARY: 8 << 20, CADVISOR_METRICS: 32 << 20}
"""Of an answer: more than the kubelet of several hundred pods says."""
TRUST_IT = (
    "let kubelets have certificates of the cluster's authority (serverTLSBootstrap), name who signs them in "
    "JOBYARD_EXECUTOR_KUBERNETES_KUBELET_CA, or ask them through the API server "
    "(JOBYARD_EXECUTOR_KUBERNETES_KUBELETS=proxied)"
)
_WANTED = tuple(f"{name}{{" for name in CADVISOR)


class KubeletUntrusted(OSError):
    """It shows a certificate that nobody whom the executor trusts has signed, as kubeadm's do unless told otherwise."""


class Kubelets:
    """`ca`: who signs the kubelets' certificates, if that is not the cluster's own authority; `token_file`: with what
    kubelets are shown, if that is not the executor's own token.
    """

    def __init__(
        self,
        api: Api,
        says: Literal["summary", "cadvisor"],
        namespaces: str,
        ca: Path | None = None,
        proxied: bool = False,
        token_file: Path | None = None,
    ) -> None:
        self._api = api
        self._says = says
        self._namespaces = namespaces
        self._ca = ca
        self._proxied = proxied
        self._token_file = token_file
        self._trust: Certificates | None = None
        self._addresses: dict[str, str] = {}

    def parts(self, nodes: Collection[str]) -> Iterable[str]:
        """What is asked one by one: each of these nodes."""
        return nodes

    async def read(self, part: str) -> dict[Pod, PodFigures]:
        """Of one node. Raises ApiError, ClusterAway, OSError, ValueError."""
        path = SUMMARY if self._says == "summary" else CADVISOR_METRICS
        if self._proxied:
            text = await self._api.text(f"/api/v1/nodes/{part}/proxy{path}", most_bytes=MOST_BYTES[path])
        else:
            text = await self._asked(part, path)
        return await asyncio.to_thread(self._understood, text)

    async def _asked(self, node: str, path: str) -> str:
        if node not in self._addresses:
            self._addresses[node] = _address(await self._api.get(f"/api/v1/nodes/{node}"))
        shown = await asyncio.to_thread(self._token_file.read_text) if self._token_file is not None else None
        try:
            kubelet = Kubelet(self._addresses[node], self._trusted(), shown and shown.strip())
            return await self._api.text(path, kubelet, MOST_BYTES[path])
        except OSError as error:
            self._addresses.pop(node, None)  # it may have come back with another one
            if isinstance(error.__cause__, aiohttp.ClientConnectorCertificateError):
                raise KubeletUntrusted(f"{error}; {TRUST_IT}") from error
            raise

    def _trusted(self) -> ssl.SSLContext | None:
        """Raises OSError."""
        if self._ca is None:
            return None
        if self._trust is None:
            file = str(self._ca)
            self._trust = Certificates(lambda: ssl.create_default_context(cafile=file), lambda: (file,))
        return self._trust.context()

    def _understood(self, text: str) -> dict[Pod, PodFigures]:
        if self._says == "summary":
            return of_summary(parsed(text))
        own = f'namespace="{self._namespaces}'
        lines = [line for line in text.splitlines() if line.startswith(_WANTED) and own in line]
        families = text_string_to_metric_families("\n".join((*lines, "")))
        return of_series(
            Series(sample.name, sample.labels, sample.value) for family in families for sample in family.samples
        )


def _address(node: dict[str, object]) -> str:
    """Where its kubelet is reached. Raises ValueError."""
    status = node.get("status") or {}
    assert isinstance(status, dict)
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port")
    found = [each["address"] for each in status.get("addresses") or () if each.get("type") == "InternalIP"]
    if not found or not port:
        raise ValueError("the node has no address of its own")
    address = ipaddress.ip_address(found[0])
    return f"[{address}]:{int(port)}" if address.version == 6 else f"{address}:{int(port)}"
