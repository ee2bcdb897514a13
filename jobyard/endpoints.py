"""Ways into a running job: SSH, Jupyter, TensorBoard, and ports that its programs listen on."""

import time
from urllib.parse import quote

from jobyard import models
from jobyard.errors import Conflict, NotFound, WaitTimeout
from jobyard.transport import Transport

API = "/api/v1"
POLL_S = 0.25


class Endpoints:
    """Part of a Client, as `client.endpoints`. Every method raises a subclass of JobyardError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, job_id: str) -> list[models.Endpoint]:
        """Those of a job, by name."""
        return self._transport.parsed(models.Endpoints, self._transport.get(_path(job_id)).content).items

    def get(self, job_id: str, name: str) -> models.Endpoint:
        """One of them. Raises NotFound for one that was never asked for."""
        found = next((endpoint for endpoint in self.list(job_id) if endpoint.name == name), None)
        if found is None:
            raise NotFound(f"Job {job_id} has no endpoint '{name}'; `jobyard endpoint list {job_id}` shows all.")
        return found

    def add(self, job_id: str, name: str, *, port: int | None = None, rank: int = 0) -> models.Endpoint:
        """Ask for `ssh`, `jupyter`, `tensorboard` or `port-8080`; `port` with its number does as well.

        What is there is answered as it is; what was closed or failed begins anew. Raises Conflict for a job that is
        over, Invalid for what is no endpoint.
        """
        body = {"name": name, "rank": rank} | ({} if port is None else {"port": port})
        response = self._transport.request("POST", _path(job_id), body=body)
        return self._transport.parsed(models.Endpoint, response.content)

    def remove(self, job_id: str, name: str) -> models.Endpoint:
        """Close it, and cut who is connected. Raises NotFound for one that was never asked for."""
        response = self._transport.request("DELETE", _path(job_id, name))
        return self._transport.parsed(models.Endpoint, response.content)

    def ticket(self, job_id: str, name: str) -> models.Ticket:
        """An address that opens it in a browser, once and within a minute. Raises Conflict while it is not ready."""
        response = self._transport.request("POST", _path(job_id, f"{name}/ticket"))
        return self._transport.parsed(models.Ticket, response.content)

    def wait(self, job_id: str, name: str, timeout: float | None = None) -> models.Endpoint:
        """The endpoint as soon as it is ready. Raises Conflict when it failed or closed, WaitTimeout."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            endpoint = self.get(job_id, name)
            if endpoint.status is models.EndpointStatus.READY:
                return endpoint
            why = endpoint.reason.message if endpoint.reason else ""
            if endpoint.status in (models.EndpointStatus.FAILED, models.EndpointStatus.CLOSED):
                raise Conflict(f"The endpoint '{name}' is {endpoint.status}. {why}".strip())
            if deadline is not None and time.monotonic() > deadline:
                raise WaitTimeout(f"The endpoint '{name}' is still {endpoint.status}. {why}".strip())
            time.sleep(POLL_S)


def _path(job_id: str, rest: str = "") -> str:
    path = f"{API}/jobs/{quote(job_id, safe='')}/endpoints"
    return f"{path}/{rest}" if rest else path
