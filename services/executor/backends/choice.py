"""The backend that this node's settings name. What the others need is not even imported."""

import os
from collections.abc import Mapping
from pathlib import Path

from services.executor.backends.process.backend import ProcessBackend
from services.executor.backends.process.usage.groups import Groups, mounted
from services.executor.backends.protocol import Backend
from services.executor.devices.devices import Devices
from services.executor.domain.environment import bare, base
from services.executor.domain.equipment import Equipment
from services.executor.inventory import Machine, Nodes, capacity
from services.executor.settings import ExecutorSettings
from services.executor.usage.sampler import ReadDevices


def chosen(
    settings: ExecutorSettings, home: Path, devices: Devices, boot_id: str
) -> tuple[Backend, Nodes, ReadDevices]:
    """The backend, not opened yet, the nodes that it is for, and who knows what their devices do.

    Raises ValueError for settings that cannot be.
    """
    if settings.backend == "kubernetes":
        from services.executor.backends.kubernetes.making import in_cluster

        in_pods, nodes = in_cluster(settings.node, home / settings.backend, settings.registries)
        return in_pods, nodes, in_pods.devices
    equipment = devices.equipment
    backend = _of_this_machine(settings, home, equipment)
    machine = Machine(settings.node, boot_id, capacity(equipment), equipment.simulated, backend.uses_images)
    return backend, machine, devices.read


def _of_this_machine(settings: ExecutorSettings, home: Path, equipment: Equipment) -> Backend:
    if settings.backend == "docker":
        from services.executor.backends.docker.backend import DockerBackend
        from services.executor.backends.docker.containers import Limits
        from services.executor.backends.docker.users import User, Users

        named = {owner: User(uid, gid) for owner, (uid, gid) in settings.users.items()}
        return DockerBackend(
            home / settings.backend,
            host=settings.docker_host,
            users=Users(named, User(os.geteuid(), os.getegid())),
            limits=Limits(
                memory_mib=settings.memory_mib or capacity(equipment).memory_mib // 8 * 7,
                shm_mib=settings.shm_mib,
                pids=settings.pids,
                read_only=settings.read_only,
            ),
            default_image=settings.image,
            network=settings.network,
            registries=settings.registries,
            stall_s=settings.pull_stall_s,
            kind_of=lambda order: equipment.kind(order.device_type) if order.devices else None,
        )
    groups = Groups(home / settings.backend, mounted() if settings.groups == "auto" else ())
    return ProcessBackend(home / settings.backend, settings.idle_s, groups)


def environment_of(settings: ExecutorSettings, own: Mapping[str, str]) -> dict[str, str]:
    """What every run finds of the executor's environment; an image brings its own."""
    return base(own, settings.pass_env) if settings.backend == "process" else bare(own, settings.pass_env)
