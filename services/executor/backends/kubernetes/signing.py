"""How this process signs in to a cluster: a kubeconfig, plugins included, or the service account of its own pod.

Tokens change under way. One that is not accepted any more is read again, so that no change of it is anybody's failure.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from services.executor.backends.kubernetes.buffers import UNREAD
from services.executor.backends.kubernetes.refusals import ClusterAway

log = structlog.get_logger()

_TOKEN = "BearerToken"
UNREADABLE = (OSError, yaml.YAMLError, config.ConfigException)
"""What reading it raises: it is being written, or is gone, or this process has too many files open."""


class SignIn:
    """By `kubeconfig`, else as the pod that this process runs in. Certificates are read at the start alone."""

    def __init__(self, kubeconfig: Path | None, context: str | None) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._reading = asyncio.Lock()

    async def open(self) -> ApiClient:
        """A client that is signed in. Raises OSError, or kubernetes' ConfigException, when that cannot be read."""
        configuration = await self._read()
        configuration.connection_pool_maxsize = 0  # watches and logs hold theirs for long: no limit
        configuration.client_session_kwargs = {"read_bufsize": UNREAD}
        client = ApiClient(configuration)
        client.rest_client.pool_manager = client.rest_client._create_pool_manager()
        return client

    async def renew(self, client: ApiClient, refused: str | None) -> None:
        """The API server did not accept this token: read the one that is there now, unless somebody just did."""
        known = client.configuration
        async with self._reading:
            if token_of(client) != refused:
                return
            try:
                fresh = await self._read()
            except UNREADABLE as error:
                log.warning("cluster_credentials_unreadable", error=str(error))
                return
            known.api_key = fresh.api_key
            known.refresh_api_key_hook = fresh.refresh_api_key_hook
        log.info("cluster_credentials_read_again", changed=token_of(client) != refused)

    async def _read(self) -> Configuration:
        configuration = Configuration()
        if self._kubeconfig is None:
            config.load_incluster_config(client_configuration=configuration)
        else:
            await config.load_kube_config(
                config_file=str(self._kubeconfig), context=self._context, client_configuration=configuration
            )
        return configuration


def token_of(client: ApiClient) -> str | None:
    """What it signs in with now."""
    token: str | None = client.configuration.api_key.get(_TOKEN)
    return token


async def signed(
    client: ApiClient,
    method: str,
    path: str,
    query: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    shown: str | None = None,
) -> tuple[str, dict[str, str]]:
    """The address and the headers of a request that is signed in. Raises ClusterAway: now it can't be signed in.

    `shown`: a token in place of this process's own.
    """
    given = dict(headers or {}) if shown is None else {**(headers or {}), "Authorization": f"Bearer {shown}"}
    try:
        _, url, signed, _, _ = await client.param_serialize(
            method,
            path,
            query_params=list(query),
            header_params=given,
            auth_settings=[_TOKEN] if shown is None else [],
        )
    except UNREADABLE as error:
        raise ClusterAway(f"the credentials for the cluster cannot be read: {error}") from error
    return url, signed
