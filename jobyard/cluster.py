"""The platform as a whole, as `Client.cluster`: how it stands, how it stood, and what a submission may say."""

from datetime import datetime

from jobyard.calls import API, in_utc
from jobyard.models import Cluster, ClusterHistory, SubmitOptions
from jobyard.transport import Transport, parameters


class Clusters:
    """Every method raises a subclass of JobyardError; Unavailable while the scheduler is away."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def now(self) -> Cluster:
        """The nodes, who holds which device, and who waits for what; jobs that I may not know of have no name."""
        return self._transport.parsed(Cluster, self._transport.get(f"{API}/cluster").content)

    def history(
        self,
        *,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        step: float | str | None = None,
    ) -> ClusterHistory:
        """Queue and devices between two moments of the last 7 days, one value each `step` seconds; else the last hour.

        A moment may also be "-1d" for so long ago, and a step "5m". What nobody knows is None. Raises Invalid.
        """
        moments = {name: _moment(moment) for name, moment in (("start", start), ("end", end))}
        params = parameters(**moments, step=None if step is None else str(step))
        return self._transport.parsed(ClusterHistory, self._transport.get(f"{API}/cluster/history", params).content)

    def submit_options(self) -> SubmitOptions:
        """The virtual clusters that I may submit to with what they allow, what the nodes have, and every limit."""
        return self._transport.parsed(SubmitOptions, self._transport.get(f"{API}/submit-options").content)


def _moment(moment: datetime | str | None) -> str | None:
    return in_utc(moment) if isinstance(moment, datetime) else moment
