"""Puts the executor together; nothing connects here."""

import os
from functools import partial

from services.executor.backends.choice import chosen, environment_of
from services.executor.backends.process.linux import boot_id
from services.executor.checkpoints import Looks
from services.executor.devices.devices import find
from services.executor.devices.memory import Memory
from services.executor.doorway import Doorway
from services.executor.download import Downloads
from services.executor.executor import Executor
from services.executor.handlers import SUBSCRIPTIONS, Handlers
from services.executor.inventory import Inventory
from services.executor.measures import measure_runs
from services.executor.outputs import Outputs
from services.executor.prepare import Preparation
from services.executor.rank_tables import RankTables
from services.executor.reconcile import Reconcile
from services.executor.reporter import Reporter
from services.executor.secrets import Secrets
from services.executor.settings import ExecutorSettings
from services.executor.shipping import Shipper
from services.executor.storages import Storages
from services.executor.store import RunStore
from services.executor.usage.exporter import Exporter
from services.executor.usage.feed import SampleFeed
from services.executor.usage.files import UsageFiles
from services.executor.usage.looks import JobFolders
from services.executor.usage.sampler import Sampler
from services.executor.usage.tallies import Tallies
from shared.contracts.instruments import SAMPLES
from shared.descriptors import allow_all
from shared.paths import Roots
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """Handlers, and the loops: the node's sign of life, the reconciliation, unannounced output, what runs use; and the
    backend's own, without which the process is to end.
    """
    settings = ExecutorSettings()
    bus, clock, node, boot = deps.bus, deps.clock, settings.node, boot_id()
    home = deps.settings.data / "executor"
    devices = find(settings, clock, Memory(home / "devices.json", boot))
    backend, nodes, read_devices = chosen(settings, home, deps.settings.storage, devices, boot)
    shipper = Shipper(bus, backend.output)
    keep_s, keep_bytes = settings.keep_output_s, settings.keep_output_mib << 20
    outputs = Outputs(home / "outputs", backend.output, keep_s, keep_bytes, clock)
    files = UsageFiles(home / "metrics")
    feed = SampleFeed(bus)
    deps.meter.watch(SAMPLES, lambda: (((outcome,), count) for outcome, count in feed.outcomes.items()))
    looks, exporter = Looks(), Exporter(clock)
    deps.registry.register(exporter)
    sampler = Sampler(backend.measure, read_devices, Tallies(files), JobFolders(), feed, exporter, clock)
    executor = Executor(
        store=RunStore(deps.open_store("executor", local=True)),
        backend=backend,
        reporter=Reporter(bus, clock, node, shipper, sampler, looks, backend.uses_images, deps.meter),
        outputs=outputs,
        sampler=sampler,
        preparation=Preparation(
            Roots(deps.settings.storage, deps.settings.path_roots, deps.settings.data if backend.uses_images else None),
            environment_of(settings, os.environ),
            files.reports,
            devices.equipment,
            Storages(),
            backend.reports_beside_job,
            None if settings.backend == "kubernetes" else RankTables(devices.equipment),
        ),
        secrets=Secrets(bus, node, backend.uses_images),
        capacities=nodes.capacities,
        clock=clock,
        boot_id=nodes.boot_id,
    )
    measure_runs(deps.meter, executor.runs)
    doorway = Doorway(home, settings.stream_host, settings.stream_port, backend, executor, clock)
    inventory = Inventory(bus, clock, node, nodes)
    reconcile = Reconcile(bus, clock, executor, outputs, node)

    async def prepare() -> None:
        if settings.backend != "process":
            allow_all()
        deps.settings.storage.mkdir(parents=True, exist_ok=True)

    async def stop() -> None:
        await doorway.stop()
        await executor.stop_reporting()
        await shipper.close()
        await backend.close()

    return Service(
        name="executor",
        handlers=Handlers(executor, outputs, Downloads(), looks, doorway, bus, clock, node),
        subscriptions=SUBSCRIPTIONS,
        node=node,
        loops=(
            partial(inventory.run, settings.report_s),
            partial(reconcile.run, settings.reconcile_s),
            shipper.poll,
            sampler.run,
            feed.run,
            backend.stand,
        ),
        start=(prepare, partial(backend.open, executor.changed, shipper.wrote), executor.start, doorway.start),
        stop=stop,
    )
