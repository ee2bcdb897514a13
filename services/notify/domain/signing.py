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


def renewed(known: SecretDocument | None, owner: str, secret: str, now: datetime) -> SecretDocument:
    """The document with a new secret."""
    if known is None:
        return SecretDocument(id=owner, version=1, secret=secret, created_at=now)
    return SecretDocument(id=owner, version=known.version + 1, secret=secret, created_at=now, former=known.secret)


def signers(document: SecretDocument, now: datetime) -> tuple[str, ...]:
    """The secrets that sign now, so that a receiver may change to the new one when it likes within a day."""
    if document.former is not None and now - document.created_at < OVERLAP:
        return (document.secret, document.former)
    return (document.secret,)
