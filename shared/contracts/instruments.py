"""What the platform tells Prometheus about itself: one table for the services that measure, the alert rules, the
dashboards and docs/platform-metrics.md.

Labels have few values: services, streams, routes, reasons, virtual clusters, nodes; never a job or a person. What jobs
use is another table (`families.py`).
"""

from dataclasses import dataclass
from typing import Literal

SCRAPE_JOB = "jobyard"
"""The label `job` of all of the platform's targets in Prometheus; others may have `up` and `process_...` as well."""

EVERY = "every service"
"""Each process has these, whichever services it runs."""


@dataclass(frozen=True)
class Instrument:
    """One metric. Base units; a counter's name ends with `_total`; a histogram has its upper bounds in `buckets`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    owner: str
    """The service that has it."""
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


SERVICE_READY = Instrument(
    "jobyard_service_ready", "gauge", EVERY, "1: the service can work; 0: /readyz says what it lacks.", ("service",)
)
NATS_CONNECTED = Instrument("jobyard_nats_connected", "gauge", EVERY, "1: the process is connected to NATS.")
NATS_RECONNECTIONS = Instrument(
    "jobyard_nats_reconnections_total", "counter", EVERY, "New connections to NATS after one was lost."
)
EVENTS_PUBLISHED = Instrument(
    "jobyard_events_published_total",
    "counter",
    EVERY,
    "Events that NATS has stored, by kind, such as `job.submitted`. A restart may publish the last few again.",
    ("event",),
)
PUBLISH_REFUSED = Instrument(
    "jobyard_publish_refused",
    "gauge",
    EVERY,
    "1 while NATS does not store messages of a kind (evt, log, dead), for instance because its disk is full.",
    ("kind",),
)
MESSAGES = Instrument(
    "jobyard_messages_total",
    "counter",
    EVERY,
    "Messages of a durable consumer that were handled, left for a later try, or given up as dead letters.",
    ("consumer", "outcome"),
)
OUTBOX_DOCUMENTS = Instrument(
    "jobyard_outbox_documents", "gauge", EVERY, "Documents with events that are not published yet.", ("service",)
)
OUTBOX_OLDEST = Instrument(
    "jobyard_outbox_oldest_seconds",
    "gauge",
    EVERY,
    "For how long the oldest of these waits; 0: there is none.",
    ("service",),
)

SUBMIT_TO_START = Instrument(
    "jobyard_submit_to_start_seconds",
    "histogram",
    "jobs",
    "From a job's submission to the start of its first attempt.",
    ("vc",),
    (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21_600, 86_400),
)
STREAM_MESSAGES = Instrument("jobyard_stream_messages", "gauge", "jobs", "Messages in a stream of NATS.", ("stream",))
STREAM_BYTES = Instrument("jobyard_stream_bytes", "gauge", "jobs", "Bytes in a stream.", ("stream",))
STREAM_LIMIT = Instrument("jobyard_stream_limit_bytes", "gauge", "jobs", "What it may hold.", ("stream",))
STREAM_STORED = Instrument(
    "jobyard_stream_stored_total",
    "counter",
    "jobs",
    "Messages that a stream has taken since it was made; of DEADLETTERS: the dead letters.",
    ("stream",),
)
CONSUMER_PENDING = Instrument(
    "jobyard_consumer_pending_messages",
    "gauge",
    "jobs",
    "Messages that a consumer has not been given yet; `followers`: the one that is furthest behind of those without a "
    "lasting name.",
    ("stream", "consumer"),
)
CONSUMER_UNACKNOWLEDGED = Instrument(
    "jobyard_consumer_unacknowledged_messages",
    "gauge",
    "jobs",
    "Messages that a consumer was given and has not acknowledged.",
    ("stream", "consumer"),
)
CONSUMER_REDELIVERED = Instrument(
    "jobyard_consumer_redelivered_messages",
    "gauge",
    "jobs",
    "Those of these that it was given more than once.",
    ("stream", "consumer"),
)
DISK_FREE = Instrument("jobyard_disk_free_bytes", "gauge", "jobs", "Room on the disk of the data folder.")
SUBMISSIONS_REFUSED = Instrument(
    "jobyard_submissions_refused", "gauge", "jobs", "1 while no job is taken because there is no room for it."
)

LEADER = Instrument("jobyard_scheduler_leader", "gauge", "scheduler", "1: this scheduler leads; the others have 0.")
PLAN_SECONDS = Instrument(
    "jobyard_scheduler_plan_seconds",
    "histogram",
    "scheduler",
    "Thinking of one plan.",
    (),
    (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
CYCLE_SECONDS = Instrument(
    "jobyard_scheduler_cycle_seconds",
    "histogram",
    "scheduler",
    "One plan from its beginning until all of it is decided by the jobs service.",
    (),
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
DECISIONS = Instrument(
    "jobyard_scheduler_decisions_total", "counter", "scheduler", "Placements and preemptions planned.", ("decision",)
)
QUEUE_JOBS = Instrument(
    "jobyard_queue_jobs",
    "gauge",
    "scheduler",
    "Queued jobs by what they wait for, the codes of their reasons. Only the leader has it, as all that follows.",
    ("vc", "reason"),
)
JOBS = Instrument("jobyard_jobs", "gauge", "scheduler", "Jobs that are not over.", ("vc", "status"))
DEVICES = Instrument(
    "jobyard_devices", "gauge", "scheduler", "Devices of the nodes that report, closed or open.", ("device_type",)
)
DEVICES_HELD = Instrument(
    "jobyard_devices_held", "gauge", "scheduler", "Devices that jobs hold.", ("vc", "device_type")
)
NODE_SILENT = Instrument(
    "jobyard_node_silent", "gauge", "scheduler", "1: the node has not reported for more than 30 seconds.", ("node",)
)

RUNS = Instrument(
    "jobyard_executor_runs", "gauge", "executor", "Runs that live on this node: starting, running.", ("state",)
)
LAUNCH_SECONDS = Instrument(
    "jobyard_executor_launch_seconds",
    "histogram",
    "executor",
    "From the acceptance of a run to the start of its command.",
    (),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
SAMPLES = Instrument(
    "jobyard_executor_samples_total",
    "counter",
    "executor",
    "Samples of what runs use: sent to NATS, which is not asked whether it stored them, or dropped while it was away.",
    ("outcome",),
)

LOG_LINES = Instrument("jobyard_log_lines_total", "counter", "logs", "Lines of jobs that came in.")
LOG_LINES_LOST = Instrument("jobyard_log_lines_lost_total", "counter", "logs", "Lines that are known to be missing.")
LOG_GAPS = Instrument("jobyard_log_gaps_total", "counter", "logs", "Places in consoles where lines are missing.")
LOG_UNREADABLE = Instrument("jobyard_log_chunks_unreadable_total", "counter", "logs", "Messages that are no lines.")
LOG_MEMORY = Instrument("jobyard_log_memory_bytes", "gauge", "logs", "Consoles in memory.")

RINGS_MEMORY = Instrument(
    "jobyard_metrics_memory_bytes", "gauge", "metrics", "Samples of the last hour of jobs in memory."
)
RINGS_JOBS = Instrument(
    "jobyard_metrics_jobs",
    "gauge",
    "metrics",
    "Jobs that are known: those that run, and those whose last hour is in memory since somebody looked at it.",
    ("known",),
)

SESSIONS = Instrument(
    "jobyard_endpoint_sessions",
    "gauge",
    "endpoints",
    "What is open into jobs through this process, connections and requests, by what it leads to: ssh, jupyter, "
    "tensorboard, port.",
    ("kind",),
)

NOTIFICATIONS = Instrument(
    "jobyard_notifications_total",
    "counter",
    "notify",
    "Tries to tell somebody (mail, webhook, push; operators: the mails of support cases): sent, missed (it is tried "
    "again), failed (given up).",
    ("channel", "outcome"),
)

HTTP_REQUESTS = Instrument(
    "jobyard_http_requests_total", "counter", "gateway", "Requests answered.", ("method", "route", "status")
)
HTTP_SECONDS = Instrument(
    "jobyard_http_request_seconds",
    "histogram",
    "gateway",
    "From a request's head to the start of its answer.",
    ("method", "route"),
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
HTTP_RUNNING = Instrument("jobyard_http_requests_running", "gauge", "gateway", "Requests under way.")
HTTP_STREAMS = Instrument("jobyard_http_streams", "gauge", "gateway", "Open streams of events and lines.")

INSTRUMENTS: tuple[Instrument, ...] = tuple(value for value in globals().values() if isinstance(value, Instrument))
"""All of them, in the order above."""
