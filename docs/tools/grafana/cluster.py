"""The cluster and its virtual clusters (VCs): who waits for what, who holds what, and what is made of it.

Whoever is no administrator finds the own VCs here, and in the sums of jobs those that they may see.
"""

from docs.tools.grafana.panels import Panel, Query, board, choice, graph, number, row, written
from shared.contracts.families import EXPORTED
from shared.contracts.instruments import DEVICES, DEVICES_HELD, JOBS, NODE_SILENT, QUEUE_JOBS, SUBMIT_TO_START

UID = "jobyard-cluster"
CHOSEN = '{vc=~"$vc"}'
NAMES = {(one.family, one.shown.get("direction")): one.name for one in EXPORTED}
CPU, MEMORY = NAMES["cpu", None], NAMES["memory", None]
RECEIVED, WRITTEN = NAMES["network", "receive"], NAMES["block_io", "write"]
IDLE = 0.05
"""The use of a device below which it counts as idle."""
OF_ADMINISTRATORS = "For platform administrators."


def document() -> str:
    """The dashboard."""
    built = board(
        UID, "Jobyard: cluster and virtual clusters", "Queues, devices and use, by virtual cluster.", "now-6h"
    )
    built.with_variable(choice("vc", "Virtual cluster", JOBS.name, "vc", several=True))
    built.with_row(row("Queue"))
    built.with_panel(number("Jobs", "That are not over.", "short", Query(f"sum({JOBS.name}{CHOSEN})", "jobs")))
    built.with_panel(number("Waiting", QUEUE_JOBS.help, "short", Query(f"sum({QUEUE_JOBS.name}{CHOSEN})", "waiting")))
    built.with_panel(
        number("Devices held", DEVICES_HELD.help, "short", Query(f"sum({DEVICES_HELD.name}{CHOSEN})", "held"))
    )
    silent = Query(f"sum({NODE_SILENT.name})", "silent")
    built.with_panel(number("Silent nodes", f"{NODE_SILENT.help} {OF_ADMINISTRATORS}", "short", silent))
    built.with_panel(
        graph(
            "Jobs by status",
            JOBS.help,
            "short",
            Query(f"sum by (status) ({JOBS.name}{CHOSEN})", "{{status}}"),
            stacked=True,
        )
    )
    waiting = f"{QUEUE_JOBS.name}{CHOSEN}"
    by_reason = Query(f"sum by (reason) ({waiting})", "{{reason}}")
    built.with_panel(graph("Waiting, by reason", "What queued jobs wait for.", "short", by_reason, stacked=True))
    by_vc = Query(f"sum by (vc) ({waiting})", "{{vc}}")
    built.with_panel(graph("Waiting, by virtual cluster", "Queued jobs.", "short", by_vc, stacked=True))
    built.with_panel(
        graph("From submission to start", SUBMIT_TO_START.help, "s", *(_start(share) for share in (0.5, 0.95)))
    )
    built.with_row(row("Devices"))
    held = Query(f"sum by (vc, device_type) ({DEVICES_HELD.name}{CHOSEN})", "{{vc}} {{device_type}}")
    built.with_panel(graph("Held, by virtual cluster", DEVICES_HELD.help, "short", held, stacked=True))
    there = f"sum by (device_type) ({DEVICES.name})"
    share = Query(f"(sum by (device_type) ({DEVICES_HELD.name}) or 0 * {there}) / ({there} > 0)", "{{device_type}}")
    says = f"Of the devices of the nodes that report. {OF_ADMINISTRATORS}"
    built.with_panel(graph("Share that is held", says, "percentunit", share, most=1))
    built.with_panel(_use("GPU", "gpu_utilization"))
    built.with_panel(_use("NPU", "npu_utilization"))
    built.with_row(row("What jobs use"))
    built.with_panel(graph("CPU", "Cores in use.", "none", _rate(CPU), stacked=True))
    memory = Query(f"sum by (vc) ({MEMORY}{CHOSEN})", "{{vc}}")
    built.with_panel(graph("Memory", "Without inactive file pages.", "bytes", memory, stacked=True))
    built.with_panel(
        graph(
            "Network, received", "Where it is counted per run.", "binBps", _rate(RECEIVED, ',scope="run"'), stacked=True
        )
    )
    built.with_panel(
        graph("Block I/O, written", "Bytes that went to block devices.", "binBps", _rate(WRITTEN), stacked=True)
    )
    most = Query(f"topk(10, sum by (owner) (rate({CPU}{CHOSEN}[$__rate_interval])))", "{{owner}}")
    built.with_panel(graph("Who uses most CPU", "The ten with most cores in use.", "none", most))
    largest = Query(f"topk(10, sum by (job_id, owner) ({MEMORY}{CHOSEN}))", "{{job_id}} {{owner}}")
    built.with_panel(graph("Largest jobs", "The ten with most memory.", "bytes", largest))
    return written(built)


def _start(share: float) -> Query:
    buckets = f"sum by (le) (rate({SUBMIT_TO_START.name}_bucket{CHOSEN}[$__rate_interval]))"
    return Query(f"histogram_quantile({share}, {buckets})", f"{share:.0%} are faster")


def _rate(metric: str, also: str = "") -> Query:
    chosen = f"{CHOSEN[:-1]}{also}}}"
    return Query(f"sum by (vc) (rate({metric}{chosen}[$__rate_interval]))", "{{vc}}")


def _use(kind: str, family: str) -> Panel:
    """How much of the devices that jobs hold is used, and how many are idle."""
    metric = next(one.name for one in EXPORTED if one.family == family)
    used = Query(f"avg by (vc) ({metric}{CHOSEN})", "{{vc}}")
    idle = Query(f"avg(({metric}{CHOSEN} < bool {IDLE}))", "idle share")
    says = f"The mean over the {kind}s that are measured, and the share of them with a use under 5 %."
    return graph(f"{kind} use", says, "percentunit", used, idle, most=1)
