"""Settings of who may speak with runs' pods: labels and networks as an operator writes them, refused where they mean
nothing to a NetworkPolicy.
"""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.executor.domain.network_policies import Addresses, Peer, Pods

_WORD = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
LabelKey = Annotated[str, Field(pattern=rf"^([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_WORD}$")]
LabelValue = Annotated[str, Field(pattern=rf"^({_WORD})?$")]
Labels = dict[LabelKey, LabelValue]
Network = IPv4Network | IPv6Network
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


class PodsSettings(BaseModel):
    """Pods by their labels, in namespaces by theirs; without namespaces, in the run's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    namespaces: Labels | None = None
    pods: Labels | None = None
    ports: tuple[Port, ...] = ()

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.namespaces is None and self.pods is None:
            raise ValueError("name labels of namespaces, of pods, or of both")
        return self

    def pods_meant(self) -> Pods:
        return Pods(self.namespaces, self.pods, self.ports)


class AddressesSettings(BaseModel):
    """A network, and those inside it that are left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cidr: Network
    without: tuple[Network, ...] = ()
    ports: tuple[Port, ...] = ()

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        for each in self.without:
            if each.version != self.cidr.version or each == self.cidr or not each.subnet_of(self.cidr):  # type: ignore[arg-type]
                raise ValueError(f"{each} is no part of {self.cidr}")
        return self

    def addresses_meant(self) -> Addresses:
        return Addresses(self.cidr, self.without, self.ports)


PeerSettings = AddressesSettings | PodsSettings


def peer(said: PeerSettings) -> Peer:
    """Whom the settings mean."""
    return said.addresses_meant() if isinstance(said, AddressesSettings) else said.pods_meant()
