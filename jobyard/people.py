"""Users, virtual clusters, API tokens, SSH keys and the audit, as `Client.people`: most of it is for administrators."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from jobyard.models import (
    ApiToken,
    ApiTokens,
    AuditEntry,
    AuditPage,
    MadeApiToken,
    Registries,
    Registry,
    Role,
    Scope,
    SshKey,
    SshKeys,
    User,
    Users,
    Vc,
    Vcs,
)
from jobyard.transport import Transport, parameters

API = "/api/v1"


class People:
    """Every method raises a subclass of JobyardError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    # --- users

    def users(self, *, page_size: int = 500) -> Iterator[User]:
        """Every user, by name, fetched page by page."""
        cursor: str | None = None
        while True:
            content = self._transport.get(f"{API}/users", parameters(limit=page_size, cursor=cursor)).content
            page = self._transport.parsed(Users, content)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def add_user(self, username: str, password: str, **fields: Any) -> User:
        """A new user; the fields are `email`, `vcs` ({name: role}) and `admin`. Raises Conflict."""
        body = {"username": username, "password": password, **fields}
        response = self._transport.request("POST", f"{API}/users", body=body, repeatable=False)
        return self._transport.parsed(User, response.content)

    def change_user(self, name: str, **fields: Any) -> User:
        """Change `email`, `admin`, `disabled`, `password`, or roles: `vcs={"lab": "admin", "old": None}`."""
        response = self._transport.request("PATCH", _path("users", name), body=fields)
        return self._transport.parsed(User, response.content)

    def remove_user(self, name: str) -> None:
        """For good, with secrets and tokens; the name stays taken. Raises Conflict while a job of the user is open."""
        self._transport.request("DELETE", _path("users", name), repeatable=False)

    def change_password(self, current: str, new: str) -> None:
        """One's own; it ends what one is signed in with."""
        body = {"current": current, "new": new}
        self._transport.request("POST", f"{API}/me/password", body=body, repeatable=False)

    # --- virtual clusters

    def vcs(self) -> list[Vc]:
        """The virtual clusters that I belong to; all of them for administrators."""
        return self._transport.parsed(Vcs, self._transport.get(f"{API}/vcs").content).items

    def add_vc(self, name: str, **fields: Any) -> Vc:
        """A new one; the fields are those of `change_vc`. Raises Conflict."""
        response = self._transport.request("POST", f"{API}/vcs", body={"name": name, **fields}, repeatable=False)
        return self._transport.parsed(Vc, response.content)

    def change_vc(self, name: str, **fields: Any) -> Vc:
        """Change `open`, `max_priority`, `max_duration_s`, `jobs_per_user`, `endpoint_idle_s`, `image`; None: none."""
        response = self._transport.request("PATCH", _path("vcs", name), body=fields)
        return self._transport.parsed(Vc, response.content)

    def remove_vc(self, name: str) -> None:
        """For good; the name stays taken. Raises Conflict while it has members, or jobs that are not over."""
        self._transport.request("DELETE", _path("vcs", name), repeatable=False)

    def set_role(self, vc: str, user: str, role: Role | str | None) -> User:
        """Make somebody a member or an administrator of a virtual cluster; None: neither."""
        return self.change_user(user, vcs={vc: None if role is None else str(role)})

    def registries(self, vc: str) -> list[Registry]:
        """The registries that a virtual cluster has credentials for; nobody is shown these."""
        return self._transport.parsed(Registries, self._transport.get(_registry(vc)).content).items

    def set_registry(self, vc: str, registry: str, username: str, password: str) -> Registry:
        """Credentials that its jobs' images are pulled with, in place of those before. Raises Forbidden."""
        body = {"username": username, "password": password}
        response = self._transport.request("PUT", _registry(vc, registry), body=body)
        return self._transport.parsed(Registry, response.content)

    def remove_registry(self, vc: str, registry: str) -> None:
        """Raises NotFound."""
        self._transport.request("DELETE", _registry(vc, registry), repeatable=False)

    # --- API tokens

    def tokens(self) -> list[ApiToken]:
        """My own that count, oldest first."""
        return self._transport.parsed(ApiTokens, self._transport.get(f"{API}/me/tokens").content).items

    def add_token(self, name: str, scope: Scope | str) -> MadeApiToken:
        """A new token; its `token` is shown this one time. Raises Conflict."""
        body = {"name": name, "scope": str(scope)}
        response = self._transport.request("POST", f"{API}/me/tokens", body=body, repeatable=False)
        return self._transport.parsed(MadeApiToken, response.content)

    def revoke_token(self, id: str) -> None:
        """It stops counting within 5 s. Raises NotFound."""
        self._transport.request("DELETE", _path("me/tokens", id), repeatable=False)

    # --- SSH keys

    def keys(self) -> list[SshKey]:
        """My own public keys, oldest first."""
        return self._transport.parsed(SshKeys, self._transport.get(f"{API}/me/keys").content).items

    def add_key(self, name: str, public_key: str) -> SshKey:
        """A line of a `.pub` file. Raises Invalid for what is none, Conflict for one that somebody has."""
        body = {"name": name, "public_key": public_key}
        response = self._transport.request("POST", f"{API}/me/keys", body=body, repeatable=False)
        return self._transport.parsed(SshKey, response.content)

    def remove_key(self, id: str) -> None:
        """It lets nobody in any more, and cuts whom it let in. Raises NotFound."""
        self._transport.request("DELETE", _path("me/keys", id), repeatable=False)

    # --- the audit

    def audit(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        address: str | None = None,
        token: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
        page_size: int = 500,
    ) -> Iterator[AuditEntry]:
        """Who changed what, newest first, fetched page by page. `after` is included, `before` is not."""
        times = {"after": after.isoformat() if after else None, "before": before.isoformat() if before else None}
        named = {"actor": actor, "action": action, "target": target, "address": address, "token": token}
        wanted: Mapping[str, Any] = {**named, **times}
        cursor: str | None = None
        while True:
            params = parameters(**wanted, limit=page_size, cursor=cursor)
            page = self._transport.parsed(AuditPage, self._transport.get(f"{API}/audit", params).content)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return


def _registry(vc: str, registry: str | None = None) -> str:
    path = f"{_path('vcs', vc)}/registries"
    return path if registry is None else f"{path}/{quote(registry, safe='')}"


def _path(kind: str, name: str) -> str:
    return f"{API}/{kind}/{quote(name, safe='')}"
