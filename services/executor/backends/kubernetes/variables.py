"""Variables of a pod's container, and words as Kubernetes takes them: what a job says gets there as it is.

A value that is a secret, or holds something hidden, is a reference to the run's Secret, so it stands in no pod.
"""

from collections.abc import Collection, Mapping

from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.hidden import concealed
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from services.executor.domain.container_devices import withheld
from shared.contracts.job import GIVES_DEVICES

MASTER_ADDR = "MASTER_ADDR"
VISIBLE = frozenset({"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "ASCEND_RT_VISIBLE_DEVICES"})


def variables(
    order: RunOrder, resource: str | None, plugins_say: Collection[str], also: Mapping[str, str]
) -> list[Document]:
    """Which devices a container sees is its device plugin's to say. `resource`: those that it asks for."""
    said = {name: value for name, value in order.env.items() if name not in GIVES_DEVICES}
    if order.ranks > 1:
        said.pop(MASTER_ADDR, None)
    env = {name: value for name, value in said.items() if not (order.devices and name in VISIBLE)}
    listed: list[Document] = [{"name": name, "value": literal(value)} for name, value in env.items()]
    kept = concealed(order)
    for variable in listed:
        if variable["name"] in kept:
            del variable["value"]
            reference = {"name": names.pod_name(order.run_id), "key": variable["name"]}
            variable["valueFrom"] = {"secretKeyRef": reference}
    if order.ranks > 1 and order.rank == 0:  # it is where they meet; the others are told once it is there
        listed.append({"name": MASTER_ADDR, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})
    listed += ({"name": name, "value": literal(value)} for name, value in also.items())
    return [*listed, *({"name": name, "value": value} for name, value in withheld(resource, plugins_say).items())]


def literal(value: str) -> str:
    """Kubernetes puts other variables in place of `$(NAME)`, and takes `$$` for one dollar."""
    return value.replace("$", "$$")
