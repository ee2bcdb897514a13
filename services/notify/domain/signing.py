"""The secrets that webhooks are signed with: one per person, and for a day after a change the former one as well."""

from datetime import datetime, timedelta

from shared.contracts.base import Contract, Timestamp, UserName, Version

OVERLAP = timedelta(days=1)


class SecretDocument(Contract):
    """A person's secret; its id is the person's name."""

    id: UserName
    version: Version
    secret: str
    created_at: Timestamp
    former: str | None = None
    renewal: str | None = None
    """The name of the renewal that made it, if one did."""


def renewed(
    known: SecretDocument | None, owner: str, secret: str, now: datetime, renewal: str | None = None
) -> SecretDocument:
    """The document with a new secret."""
    version, former = (known.version + 1, known.secret) if known else (1, None)
    return SecretDocument(id=owner, version=version, secret=secret, created_at=now, former=former, renewal=renewal)


def signers(document: SecretDocument, now: datetime) -> tuple[str, ...]:
    """The secrets that sign now, so that a receiver may change to the new one when it likes within a day."""
    if document.former is not None and now - document.created_at < OVERLAP:
        return (document.secret, document.former)
    return (document.secret,)
