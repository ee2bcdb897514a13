"""The base of every contract, and the few field types that all of them share."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema


class Contract(BaseModel):
    """A frozen message: nothing is coerced, unknown fields are ignored on read, NaN and Infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """An instance from all of its fields, known to be valid: for what was validated before, on hot paths.

        `model_construct` looks at every field for its alias and default, which takes twenty times as long.
        """
        new = cls.__new__(cls)
        object.__setattr__(new, "__dict__", fields)
        object.__setattr__(new, "__pydantic_fields_set__", set(fields))
        object.__setattr__(new, "__pydantic_extra__", None)
        object.__setattr__(new, "__pydantic_private__", None)
        return new


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, the one form of a time in every message: `2026-11-23T23:12:50.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def in_words(moment: datetime) -> str:
    """The one form of a time in sentences: UTC and whole seconds, `2026-11-23 23:12:50 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Timestamp = Annotated[
    AwareDatetime,
    AfterValidator(_to_milliseconds),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment in UTC, with milliseconds."""

JobId = Annotated[str, Field(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", description="ULID, upper case.")]
VcName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", description="Virtual cluster.")]
UserName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
NodeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", description="One token of a subject.")]
Version = Annotated[int, Field(ge=0, description="Counts a document's changes, from 1.")]
Traceparent = Annotated[
    str, Field(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$", description="W3C trace context: the step before.")
]
TraceparentIfAny = Annotated[Traceparent | None, Field(exclude_if=lambda trace: trace is None)]
"""The same, and nothing at all in JSON without one."""
Attempt = Annotated[int, Field(ge=0, description="0 before the first placement, then from 1.")]
