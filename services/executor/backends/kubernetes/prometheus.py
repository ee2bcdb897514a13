"""What pods use, asked of a Prometheus that scrapes the cluster: one query for all pods of Jobyard.

It is the way to devices, whose exporters know pods by their labels; kubelets know nothing of devices. A series that was
scraped of a pod in a namespace of jobs, and speaks of another namespace, is not asked for: exporters are elsewhere.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence

import aiohttp

from services.executor.domain.documents import parsed
from services.executor.domain.pod_figures import Pod, PodFigures, Series, of_series

ANSWER_S = 10.0
MOST_BYTES = 64 << 20


class Prometheus:
    """`url`: its address; `names`: the series that are asked for, of pods in namespaces that begin so."""

    def __init__(self, url: str, names: Sequence[str], namespaces: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/query"
        series, own = "|".join(names), f"{namespaces}.+"
        about = (f'exported_namespace=~"{own}",namespace!~"{own}"', f'exported_namespace="",namespace=~"{own}"')
        self._query = " or ".join(f'{{__name__=~"{series}",{labels}}}' for labels in about)

    def parts(self, nodes: Collection[str]) -> Iterable[str]:
        """All at once."""
        return ("",) if nodes else ()

    async def read(self, part: str) -> dict[Pod, PodFigures]:
        """Of all pods. Raises OSError, ValueError."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._url, data={"query": self._query}, allow_redirects=False) as answer,
            ):
                if 300 <= answer.status < 400:
                    raise ConnectionError(f"Prometheus is not at {self._url}, which leads elsewhere: name its address")
                data = await answer.content.read(MOST_BYTES)
                while chunk := await answer.content.read(MOST_BYTES - len(data)) if len(data) < MOST_BYTES else b"":
                    data += chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ConnectionError(f"Prometheus does not answer: {error or type(error).__name__}") from error
        return await asyncio.to_thread(_understood, data)


def _understood(data: bytes) -> dict[Pod, PodFigures]:
    """Raises ValueError."""
    said = parsed(data)
    if not isinstance(said, dict) or said.get("status") != "success":
        raise ValueError(f"Prometheus refused the query: {str(said)[:200]}")
    return of_series(
        Series(each["metric"].get("__name__", ""), each["metric"], float(each["value"][1]))
        for each in said["data"]["result"]
    )
