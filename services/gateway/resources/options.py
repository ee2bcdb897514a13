"""What the API gives to whoever fills in a submission."""

from typing import Annotated

from pydantic import Field

from services.gateway.domain.access import Role
from services.gateway.resources.cluster import ByType, Count
from shared.contracts.base import Contract


class SubmitVc(Contract):
    """A virtual cluster that the caller may submit to, and what a submission there may ask for."""

    name: str
    role: Role
    open: Annotated[bool, Field(description="Members read one another's jobs.")]
    max_priority: int
    default_priority: Annotated[int, Field(description="Without `priority`.")]
    max_duration_s: Annotated[int | None, Field(description="null: any that the field takes, or none.")]
    default_duration_s: Annotated[int | None, Field(description="Without `max_duration_s`; null: no limit.")]
    jobs_per_user: Annotated[int | None, Field(description="Of the caller, that are not over; null: any number.")]
    quota: Annotated[ByType, Field(description="Types without one are unbounded; there are no quotas yet.")]
    secrets: Annotated[tuple[str, ...], Field(description="The names of its secrets.")]


class OfferedDevices(Contract):
    """Devices of one type, on the nodes that report, held or free."""

    device_type: str
    total: Count
    max_per_node: Annotated[Count, Field(description="A job that asks for more waits for a larger node.")]
    simulated: Annotated[bool, Field(description="None of them really exists.")]


class NotifyOptions(Contract):
    """Whom a job may tell, and of what."""

    kinds: Annotated[tuple[str, ...], Field(description="What a recipient begins with: `mailto`, `https`, ...")]
    mail_domains: Annotated[tuple[str, ...], Field(description="Mails go to these only; none named: to any.")]
    events: tuple[str, ...]


class FieldLimit(Contract):
    """What a value has to keep to; null: nothing of the kind."""

    minimum: int | float | None
    maximum: int | float | None
    length: Annotated[int | None, Field(description="Characters; of a path, bytes.")]
    pattern: str | None
    entries: Annotated[int | None, Field(description="Of a list or a map.")]


class SubmitOptions(Contract):
    """What a submission may say. What nobody knows right now is null, and keeps no one from submitting."""

    vcs: Annotated[tuple[SubmitVc, ...], Field(description="By name.")]
    device_types: Annotated[
        tuple[OfferedDevices, ...] | None,
        Field(description="Beside `cpu`, which has no devices. null: the scheduler does not answer."),
    ]
    max_cpus: Annotated[float | None, Field(description="Of the largest node that reports.")]
    max_memory_mib: Annotated[int | None, Field(description="Likewise, perhaps of another one.")]
    uses_images: Annotated[bool | None, Field(description="Whether any node runs jobs in the image they name.")]
    endpoints: tuple[str, ...]
    notify: Annotated[NotifyOptions | None, Field(description="null: the notify service does not answer.")]
    secrets: Annotated[tuple[str, ...], Field(description="The names of the caller's own.")]
    path_roots: Annotated[
        tuple[str, ...], Field(description="Folders that paths may lead into, beside the storage of the platform.")
    ]
    request_bytes: Annotated[int, Field(description="The most that command and environment take together.")]
    limits: Annotated[
        dict[str, FieldLimit],
        Field(description="By field; `env.name` and `env.value` of what a map holds, `notify.to` of what a list does."),
    ]
