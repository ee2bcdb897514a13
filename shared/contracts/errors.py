"""Errors that cross a boundary: refusals of a command, and the two kinds of failure a handler can have."""

from typing import Annotated, ClassVar

from pydantic import Field, JsonValue

from shared.contracts.base import Contract


class TemporaryError(Exception):
    """Worth another try later: the message is delivered again after a delay."""


class PermanentError(Exception):
    """No repetition will help: the message goes to the dead letters."""


class FieldError(Contract):
    """One field of a request, and what is wrong with it."""

    field: str
    message: str


class RefusalBody(Contract):
    """The reply of a command that was refused, marked by the header `x-error`."""

    status: Annotated[int, Field(description="The HTTP status that says the same.")]
    code: str
    message: Annotated[str, Field(description="A sentence that a user can act on.")]
    errors: tuple[FieldError, ...] = ()
    details: dict[str, JsonValue] = Field(default_factory=dict)


class Refusal(Exception):
    """A command was refused by its owner."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(
        self, message: str, errors: tuple[FieldError, ...] = (), details: dict[str, JsonValue] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors
        self.details = details or {}

    def body(self) -> RefusalBody:
        return RefusalBody(
            status=self.status, code=self.code, message=self.message, errors=self.errors, details=self.details
        )


class Unauthorized(Refusal):
    """Nobody is signed in, or not with a token that counts."""

    status, code = 401, "unauthorized"


class Forbidden(Refusal):
    """Visible, but not this person's to do."""

    status, code = 403, "forbidden"


class NotFound(Refusal):
    """No such thing, or not for this person."""

    status, code = 404, "not_found"


class Conflict(Refusal):
    """It makes no sense in the present state."""

    status, code = 409, "conflict"


class TooLarge(Refusal):
    """More than a message or a request may hold."""

    status, code = 413, "too_large"


class UnsupportedMedia(Refusal):
    """Not the content type that is asked for."""

    status, code = 415, "unsupported_media_type"


class Invalid(Refusal):
    """Understood, but wrong; `errors` names the fields."""

    status, code = 422, "invalid"


class TooMany(Refusal):
    """Too often in too short a time."""

    status, code = 429, "too_many_requests"


class InternalError(Refusal):
    """A fault of the platform; the log has the details."""

    status, code = 500, "internal"


class Unavailable(Refusal, TemporaryError):
    """The part that would answer cannot be reached now; a repetition is safe."""

    status, code = 503, "unavailable"


class StorageFull(Refusal):
    """There is no room for more; only an operator can change that, so a repetition at once is in vain."""

    status, code = 503, "storage_full"


REFUSALS: dict[str, type[Refusal]] = {
    refusal.code: refusal
    for refusal in (
        Unauthorized,
        Forbidden,
        NotFound,
        Conflict,
        TooLarge,
        UnsupportedMedia,
        Invalid,
        TooMany,
        InternalError,
        Unavailable,
        StorageFull,
    )
}


def refusal_from(body: RefusalBody) -> Refusal:
    """The exception that a refused command raises at the caller's side."""
    return REFUSALS.get(body.code, InternalError)(body.message, body.errors, body.details)
