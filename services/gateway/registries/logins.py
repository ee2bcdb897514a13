"""What a VC's images are pulled with: a user and a password for a registry, kept as secrets are, and for nobody to see.

A login is a secret whose holder is `registries:<vc>` and whose name is the registry's. So it is sealed under the same
keys, sealed anew with them, in the audit, and gone with its VC. No job can name it.
"""

from dataclasses import dataclass

from pydantic import Field

from services.gateway.audited import Author
from services.gateway.registries.registry import Login
from services.gateway.secrets import SecretDocument, Secrets
from shared.contracts.base import Contract
from shared.contracts.errors import NotFound


class _Kept(Contract):
    username: str
    password: str = Field(repr=False)


@dataclass(frozen=True)
class KnownLogin:
    """`version` changes with every change of it."""

    login: Login
    version: int


def of_registries(vc: str) -> str:
    """The holder of a VC's logins."""
    return f"registries:{vc}"


class Logins:
    """Of all VCs. Raises what `Secrets` raises."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def of(self, vc: str, registry: str) -> KnownLogin | None:
        """The VC's login for this registry, if it has one."""
        found = await self._secrets.opened(of_registries(vc), registry)
        if found is None:
            return None
        kept = _Kept.model_validate_json(found.value)
        return KnownLogin(Login(kept.username, kept.password), found.version)

    async def list(self, vc: str) -> tuple[SecretDocument, ...]:
        """By registry; neither users nor passwords."""
        return await self._secrets.names(of_registries(vc))

    async def put(self, vc: str, registry: str, login: Login, author: Author) -> tuple[SecretDocument, bool]:
        """In place of the one before; true if there was none."""
        value = _Kept(username=login.username, password=login.password).model_dump_json()
        return await self._secrets.put(of_registries(vc), registry, value, author)

    async def remove(self, vc: str, registry: str, author: Author) -> None:
        """Raises NotFound."""
        if registry not in {login.name for login in await self.list(vc)}:
            raise NotFound(f"The virtual cluster '{vc}' has no credentials for the registry {registry}.")
        await self._secrets.remove(of_registries(vc), registry, author)
