"""The subjects that events and log chunks travel on, and the streams that keep them."""

from shared.contracts.events import EndpointEvent, JobEvent, NodeReported, RunEvent, SupportEvent

EVENTS = "EVENTS"
LOGS = "LOGS"
METRICS = "METRICS"
CLUSTER = "CLUSTER"
DEADLETTERS = "DEADLETTERS"
NODES = "NODES"

EXECUTORS = "executor"
"""The durable consumer of a node's executor has this name, a hyphen and the node's."""

JOB_EVENTS = "evt.job.>"
RUN_EVENTS = "evt.run.>"
NODE_EVENTS = "evt.node.>"
SUPPORT_EVENTS = "evt.support.>"
ENDPOINT_EVENTS = "evt.endpoint.>"
LOG_CHUNKS = "log.>"
SAMPLES = "metric.>"
CLUSTER_SAMPLES = "cluster.sample"

LOG_PARTITIONS = 16
"""A job's log subject is `log.<partition>.<job_id>`, so that replicas of the log service can divide the partitions."""


def job_event(fact: str, vc: str, job_id: str) -> str:
    return f"evt.job.{fact}.v1.{vc}.{job_id}"


def job_events_of(event: type[JobEvent]) -> str:
    """Every event of this class, whatever its job."""
    return f"evt.job.{event.fact}.v1.>"


def run_event(event: RunEvent) -> str:
    return f"evt.run.{event.fact}.v1.{event.vc}.{event.job_id}"


def support_event(event: SupportEvent) -> str:
    return f"evt.support.{event.fact}.v1.{event.vc}.{event.job_id}"


def endpoint_event(event: EndpointEvent) -> str:
    return f"evt.endpoint.{event.fact}.v1.{event.vc}.{event.job_id}"


def endpoint_events_of(event: type[EndpointEvent]) -> str:
    """Every event of this class, whatever its job."""
    return f"evt.endpoint.{event.fact}.v1.>"


def node_event(event: NodeReported) -> str:
    return f"evt.node.{event.fact}.v1.{event.node}"


def sample(job_id: str, rank: int) -> str:
    return f"metric.{job_id}.{rank}"


def samples_of(job_id: str) -> str:
    """Every sample of the job, whatever its rank."""
    return f"metric.{job_id}.*"


def log(job_id: str) -> str:
    return f"log.{log_partition(job_id)}.{job_id}"


def log_partition(job_id: str) -> int:
    return _fnv1a(job_id) % LOG_PARTITIONS


def logs_of(partition: int) -> str:
    """Every chunk of the jobs in this partition."""
    return f"log.{partition}.>"


def _fnv1a(text: str) -> int:
    """FNV-1a, 32 bits: the hash of the server's own `{{partition(n,1)}}`, so that either side can compute it."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value
