"""How this process signs in to a cluster: a kubeconfig, plugins included, or the service account of its own pod.

All of it changes under way. What is not accepted any more is read again, and files of certificates as soon as they are
others, so that no change is anybody's failure.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import structlog
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.rest import RESTClientObject

from services.executor.backends.kubernetes.buffers import UNREAD
from services.executor.backends.kubernetes.certificates import Certificates
from services.executor.backends.kubernetes.refusals import ClusterAway
from shared.contracts.errors import TemporaryError
from shared.wrong_settings import WrongSettings

log = structlog.get_logger()

_SETTING = "JOBYARD_EXECUTOR_KUBERNETES_CONFIG"
_TOKEN = "BearerToken"
Shown = tuple[str | None, str | None]
"""A token, and the file of a certificate."""
_READ_AGAIN = ("api_key", "refresh_api_key_hook", "cert_file", "key_file", "ssl_ca_cert")
UNREADABLE = (OSError, yaml.YAMLError, config.ConfigException)
"""What reading it raises: it is being written, or is gone, or this process has too many files open."""

_MALFORMED = (ValueError, TypeError, LookupError, AttributeError)
"""What the client stumbles over in a file that is no kubeconfig."""


class SignIn:
    """By `kubeconfig`, else as the pod that this process runs in."""

    def __init__(self, kubeconfig: Path | None, context: str | None) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._reading = asyncio.Lock()
        self._certificates: Certificates | None = None

    async def open(self) -> ApiClient:
        """A client that is signed in. Raises WrongSettings, and TemporaryError while a plugin gives no credentials."""
        try:
            return self._client_of(await self._read())
        except ClusterAway as error:
            raise TemporaryError(f"Nobody can sign in to the cluster: {error}.") from error
        except (*UNREADABLE, *_MALFORMED) as error:
            raise WrongSettings(self._unreadable(error)) from error

    def _client_of(self, known: Configuration) -> ApiClient:
        known.connection_pool_maxsize = 0  # watches and logs hold theirs for long: no limit
        known.client_session_kwargs = {"read_bufsize": UNREAD, "trust_env": False}
        known.proxy = known.proxy or _proxy_to(known.host)
        client = ApiClient(known)
        client.rest_client.pool_manager = client.rest_client._create_pool_manager()
        self._certificates = Certificates(
            lambda: RESTClientObject(known).ssl_context,
            lambda: (known.cert_file, known.key_file, known.ssl_ca_cert),
        )
        return client

    def trust(self) -> ssl.SSLContext:
        """For a connection that is made now, once this is open."""
        assert self._certificates is not None
        return self._certificates.context()

    async def renew(self, client: ApiClient, refused: Shown) -> None:
        """The API server did not accept this: read what is there now, unless somebody just did."""
        known = client.configuration
        async with self._reading:
            if shown_by(client) != refused:
                return
            try:
                fresh = await self._read()
            except UNREADABLE as error:
                log.warning("cluster_credentials_unreadable", error=str(error))
                return
            for name in _READ_AGAIN:
                setattr(known, name, getattr(fresh, name))
        log.info("cluster_credentials_read_again", changed=shown_by(client) != refused)

    async def _read(self) -> Configuration:
        configuration = Configuration()
        if self._kubeconfig is None:
            config.load_incluster_config(client_configuration=configuration)
            return configuration
        said = await config.load_kube_config(
            config_file=str(self._kubeconfig), context=self._context, client_configuration=configuration
        )
        if "exec" in (said._user or ()) and _shown(configuration) == (None, None):
            # the client would go on as nobody, to whom all is forbidden
            raise ClusterAway("the plugin that the kubeconfig names gave no credentials")
        return configuration

    def _unreadable(self, error: Exception) -> str:
        """Without the words of a parser, which may quote what the file holds."""
        why = str(error) if isinstance(error, OSError | config.ConfigException) else f"no kubeconfig ({_kind(error)})"
        if self._kubeconfig is None:
            return f"{_SETTING} names no kubeconfig, and there is no service account of a pod here: {why}"
        return f"{_SETTING} is wrong: {self._kubeconfig}: {why}"


def _kind(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return type(error).__name__ if mark is None else f"{type(error).__name__} in line {mark.line + 1}"


def _proxy_to(address: str) -> str | None:
    """What HTTPS_PROXY and NO_PROXY say. The client would ask, and read ~/.netrc, for each request anew."""
    asked = urlsplit(address)
    if not asked.hostname or proxy_bypass(asked.hostname):
        return None
    return getproxies().get(asked.scheme)


def shown_by(client: ApiClient) -> Shown:
    """What it signs in with now."""
    return _shown(client.configuration)


def _shown(configuration: Configuration) -> Shown:
    return configuration.api_key.get(_TOKEN), configuration.cert_file


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
