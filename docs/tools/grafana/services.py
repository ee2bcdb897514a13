"""The platform's own services: are they well, do requests and messages get through, does the scheduler decide."""

from collections.abc import Iterator
from typing import Literal

from docs.tools.grafana.panels import Panel, Query, Unit, board, graph, number, row, written
from shared.contracts import instruments as measured
from shared.contracts.instruments import Instrument

UID = "jobyard-services"
OURS = f'{{job="{measured.SCRAPE_JOB}"}}'
"""Metrics that other programs have as well are those of the platform's targets."""
RATE = "[$__rate_interval]"

READ_BY_ALL = "All replicas read all lines, unless they divide the partitions, so they are not added up."

How = Literal["sum", "max", "rate"]


def document() -> str:
    """The dashboard."""
    built = board(UID, "Jobyard: the platform's own services", "For platform administrators.", "now-6h")
    for title, panels in (
        ("Health", _health()),
        ("Requests", _requests()),
        ("Scheduler", _scheduler()),
        ("Messages", _messages()),
        ("Runs, consoles, ways in, notifications", _work()),
        ("Room", _room()),
    ):
        built.with_row(row(title))
        for panel in panels:
            built.with_panel(panel)
    return written(built)


def _health() -> Iterator[Panel]:
    ready, leader, stored = measured.SERVICE_READY, measured.LEADER, measured.STREAM_STORED
    every = "Each replica of each service counts."
    yield number("Ready services", every, "short", Query(f"sum({ready.name})", "ready"))
    lacking = Query(f"count({ready.name}) - sum({ready.name})", "not ready")
    yield number("Services that are not ready", every, "short", lacking)
    yield number("Leaders", "One; none while another one takes over.", "short", Query(f"sum({leader.name})", "leaders"))
    dead = Query(f'max({stored.name}{{stream="DEADLETTERS"}})', "dead letters")
    yield number("Dead letters", "Messages that were given up, since their stream was made.", "short", dead)
    processor = Query(f"rate(process_cpu_seconds_total{OURS}{RATE})", "{{instance}}")
    yield graph("Processor time", "Of each process, in cores.", "none", processor)
    memory = Query(f"process_resident_memory_bytes{OURS}", "{{instance}}")
    yield graph("Memory", "Resident, of each process.", "bytes", memory)
    up = Query(f"up{OURS}", "{{instance}}")
    yield graph("Reached by Prometheus", "1: the process was scraped.", "short", up, most=1)
    again = Query(f"increase({measured.NATS_RECONNECTIONS.name}{RATE})", "again: {{instance}}")
    connected = Query(measured.NATS_CONNECTED.name, "{{instance}}")
    yield graph("Connected to NATS", measured.NATS_CONNECTED.help, "short", connected, again)


def _requests() -> Iterator[Panel]:
    requests, seconds = measured.HTTP_REQUESTS, measured.HTTP_SECONDS
    yield _shown("Requests", "reqps", "rate", requests, "method", "route")
    failed = Query(f'sum by (route, status) (rate({requests.name}{{status=~"5.."}}{RATE}))', "{{route}} {{status}}")
    yield graph("Failed", "Answers with a status of 500 or more.", "reqps", failed)
    yield graph(
        "Time to an answer, by route", _faster(seconds), "s", Query(_quantile(0.95, seconds, "route"), "{{route}}")
    )
    under_way = Query(f"sum({measured.HTTP_RUNNING.name})", "requests")
    streams = Query(f"sum({measured.HTTP_STREAMS.name})", "streams")
    yield graph("Under way", "Requests, and open streams of events and lines.", "short", under_way, streams)


def _scheduler() -> Iterator[Panel]:
    plan, cycle, start = measured.PLAN_SECONDS, measured.CYCLE_SECONDS, measured.SUBMIT_TO_START
    times = (Query(_quantile(0.95, plan), "a plan"), Query(_quantile(0.95, cycle), "a cycle"))
    yield graph("Plans and cycles", _faster(cycle), "s", *times)
    yield _shown("Decisions", "ops", "rate", measured.DECISIONS, "decision")
    starts = (Query(_quantile(0.5, start), "50 % are faster"), Query(_quantile(0.95, start), "95 % are faster"))
    yield graph("From submission to start", start.help, "s", *starts)
    yield _shown("Waiting jobs", "short", "sum", measured.QUEUE_JOBS, "reason", stacked=True)


def _messages() -> Iterator[Panel]:
    yield _shown("Events", "ops", "rate", measured.EVENTS_PUBLISHED, "event")
    yield _shown("Outbox: the oldest event", "s", "max", measured.OUTBOX_OLDEST, "service")
    yield _shown("Outbox: documents", "short", "sum", measured.OUTBOX_DOCUMENTS, "service")
    yield _shown("Not delivered yet", "short", "max", measured.CONSUMER_PENDING, "stream", "consumer")
    yield _shown("Delivered again", "short", "max", measured.CONSUMER_REDELIVERED, "stream", "consumer")
    yield _shown("Not acknowledged", "short", "max", measured.CONSUMER_UNACKNOWLEDGED, "stream", "consumer")
    yield _shown("What became of messages", "ops", "rate", measured.MESSAGES, "consumer", "outcome")
    yield _shown("Refused by NATS", "short", "max", measured.PUBLISH_REFUSED, "kind")


def _work() -> Iterator[Panel]:
    launch, lost = measured.LAUNCH_SECONDS, measured.LOG_LINES_LOST
    yield _shown("Runs", "short", "sum", measured.RUNS, "state", stacked=True)
    yield graph("Launches", _faster(launch), "s", Query(_quantile(0.95, launch), "95 % are faster"))
    yield _shown("Samples of what runs use", "ops", "rate", measured.SAMPLES, "outcome")
    lines = Query(f"sum by (instance) (rate({measured.LOG_LINES.name}{RATE}))", "{{instance}}")
    yield graph("Lines of consoles", f"{measured.LOG_LINES.help} {READ_BY_ALL}", "ops", lines)
    gaps = (
        Query(f"sum by (instance) (rate({lost.name}{RATE}))", "lines: {{instance}}"),
        Query(f"sum by (instance) (rate({measured.LOG_GAPS.name}{RATE}))", "gaps: {{instance}}"),
    )
    yield graph("Lines that are missing, and gaps", f"{lost.help} {READ_BY_ALL}", "ops", *gaps)
    yield _shown("Sessions in jobs", "short", "sum", measured.SESSIONS, "kind", stacked=True)
    yield _shown("Notifications", "ops", "rate", measured.NOTIFICATIONS, "channel", "outcome")


def _room() -> Iterator[Panel]:
    size, limit, free = measured.STREAM_BYTES, measured.STREAM_LIMIT, measured.DISK_FREE
    full = Query(f"max by (stream) ({size.name}) / max by (stream) ({limit.name} > 0)", "{{stream}}")
    yield graph("How full streams are", f"{size.help} {limit.help}", "percentunit", full, most=1)
    yield _shown("Messages in streams", "short", "max", measured.STREAM_MESSAGES, "stream")
    yield graph("Free on the disk", free.help, "bytes", Query(f"min({free.name})", "free"))
    yield _shown("Consoles in memory", "bytes", "sum", measured.LOG_MEMORY)
    refused = Query(f"max({measured.SUBMISSIONS_REFUSED.name})", "refused")
    yield number("Submissions refused", measured.SUBMISSIONS_REFUSED.help, "short", refused)


def _shown(title: str, unit: Unit, how: How, what: Instrument, *by: str, stacked: bool = False) -> Panel:
    """One instrument, added up or as its largest value by these labels; of a counter, the rate."""
    value = f"rate({what.name}{RATE})" if how == "rate" else what.name
    together = "max" if how == "max" else "sum"
    grouped = f"{together} by ({', '.join(by)}) ({value})" if by else f"{together}({value})"
    legend = " ".join(f"{{{{{label}}}}}" for label in by) or title
    return graph(title, what.help, unit, Query(grouped, legend), stacked=stacked)


def _quantile(share: float, what: Instrument, *by: str) -> str:
    return f"histogram_quantile({share}, sum by ({', '.join(('le', *by))}) (rate({what.name}_bucket{RATE})))"


def _faster(what: Instrument) -> str:
    return f"{what.help} 95 % are faster."
