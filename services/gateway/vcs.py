"""Virtual clusters (VCs): documents of the gateway's store, and the policies that count for whoever asks."""

from collections.abc import Iterable
from typing import Any

from pydantic import JsonValue

from services.gateway.audit import Audit
from services.gateway.audited import BY_ITSELF, Audited, Author, Change
from services.gateway.domain.policy import VcPolicy
from services.gateway.fresh import Fresh
from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp, VcName
from shared.contracts.errors import Conflict, FieldError, Invalid, NotFound
from shared.store.port import DuplicateKey, Schema, Store

DEFAULT_VC = "default"


class VcDocument(Contract):
    """A stored VC; its id is its name."""

    id: VcName
    version: int = 1
    open: bool = True
    max_priority: int | None = None
    max_duration_s: int | None = None
    jobs_per_user: int | None = None
    endpoint_idle_s: int | None = None
    image: str | None = None
    removed: bool = False
    created_at: Timestamp
    change: Change | None = None

    @property
    def policy(self) -> VcPolicy:
        """What it allows."""
        return VcPolicy(
            self.open, self.max_priority, self.max_duration_s, self.jobs_per_user, self.endpoint_idle_s, self.image
        )


VCS = Schema[VcDocument]("vcs", dump=lambda vc: vc.model_dump_json().encode(), load=VcDocument.model_validate_json)


class Vcs:
    """The VCs of this installation."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self.documents = Audited(store, VCS, audit, "vc")
        self._clock = clock
        self._policies: Fresh[VcPolicy] = Fresh(clock)
        self._needed = frozenset({DEFAULT_VC})

    async def start(self, names: Iterable[str] = ()) -> None:
        """Make `default`, and those that the configuration names, where they are missing."""
        wanted = dict.fromkeys((DEFAULT_VC, *names))
        self._needed = frozenset(wanted)
        for name in wanted:
            if await self.documents.get(name) is None:
                try:
                    await self.create(name, {}, BY_ITSELF)
                except Conflict:
                    continue  # another replica was first

    async def policy_of(self, vc: str) -> VcPolicy:
        """What this VC allows, as of at most FRESH_S ago; the defaults for one without a document."""

        async def read() -> VcPolicy:
            document = await self.documents.get(vc)
            return document.policy if document is not None else VcPolicy()

        return await self._policies.get(vc, read)

    async def closed(self, names: Iterable[str]) -> frozenset[str]:
        """Those of these VCs whose members do not read one another's jobs."""
        return frozenset([name for name in names if not (await self.policy_of(name)).open])

    async def check(self, names: Iterable[str], field: str = "vcs") -> None:
        """Raises Invalid for a VC that does not exist."""
        for name in names:
            document = await self.documents.get(name)
            if document is None or document.removed:
                message = f"there is no virtual cluster '{name}'; make it first, or choose another"
                raise Invalid(f"{field}: {message}.", (FieldError(field=f"{field}.{name}", message=message),))

    async def create(self, name: str, fields: dict[str, Any], author: Author) -> VcDocument:
        """A new VC. Raises Conflict."""
        now = self._clock.now()
        change = author.change(now, "vc.created", after=fields)
        document = VcDocument(id=name, created_at=now, change=change, **fields)
        try:
            await self.documents.insert(document)
        except DuplicateKey:
            known = await self.documents.get(name)
            if known is not None and known.removed:
                message = f"There was a virtual cluster '{name}', whose jobs still bear the name. Choose another name."
                raise Conflict(message) from None
            raise Conflict(f"There is a virtual cluster '{name}' already. Change it, or choose another name.") from None
        self._policies.forget(name)
        return document

    async def update(self, name: str, fields: dict[str, Any], author: Author) -> VcDocument:
        """Change what the fields name. Raises NotFound."""
        now = self._clock.now()

        def edit(document: VcDocument) -> VcDocument:
            if document.removed:
                raise no_such_vc(name)
            before: dict[str, JsonValue] = {field: getattr(document, field) for field in fields}
            if before == fields:
                return document
            change = author.change(now, "vc.changed", before=before, after=fields)
            return document.model_copy(update={**fields, "version": document.version + 1, "change": change})

        document = await self.documents.change(name, edit)
        if document is None:
            raise no_such_vc(name)
        self._policies.forget(name)
        return document

    async def check_there(self, name: str) -> None:
        """Raises NotFound."""
        document = await self.documents.get(name)
        if document is None or document.removed:
            raise no_such_vc(name)

    async def check_removable(self, name: str) -> None:
        """Raises NotFound, and Conflict for one that each start would need again."""
        await self.check_there(name)
        if name in self._needed:
            raise Conflict(f"The virtual cluster '{name}' is needed: new users, or the OIDC settings, name it.")

    async def remove(self, name: str, author: Author) -> None:
        """Keep the name alone: its jobs bear it. Raises NotFound."""
        now = self._clock.now()

        def edit(document: VcDocument) -> VcDocument:
            if document.removed:
                raise no_such_vc(name)
            before: dict[str, JsonValue] = document.model_dump(mode="json", include=set(VcPolicy.__annotations__))
            change = author.change(now, "vc.removed", before=before)
            version = document.version + 1
            return VcDocument(id=name, version=version, removed=True, created_at=document.created_at, change=change)

        if await self.documents.change(name, edit) is None:
            raise no_such_vc(name)
        self._policies.forget(name)

    async def all(self) -> list[VcDocument]:
        """Every VC, by name."""
        return [document for document in await self.documents.all() if not document.removed]


def no_such_vc(name: str) -> NotFound:
    """The one answer for a VC that does not exist, and for one that the caller may not know of."""
    return NotFound(f"There is no virtual cluster '{name}'. Check the name, or list yours.")
