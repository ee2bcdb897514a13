"""Traces by OpenTelemetry, from a request through every message to a run's start; off unless `JOBYARD_OTLP_URL` is set.

A span's `traceparent` (W3C Trace Context) travels in commands' headers, in submissions and placements, and in the
envelopes of events, and whoever takes the message up begins a span below it. While traces are off its SDK
is not loaded, and every function here does nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING, Any, Literal

from shared.settings import PlatformSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span as SdkSpan
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

HEADER = "traceparent"
PATIENCE_S = 1.0
Kind = Literal["server", "consumer", "internal"]


class Span:
    """One step of a trace. `traceparent` names it to those who go on from it; None while traces are off."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: "SdkSpan | None" = None) -> None:
        self._span = span
        self.traceparent = _named(span) if span is not None else None

    def name(self, name: str, **attributes: str | int) -> None:
        """Say what it turned out to be."""
        if self._span is not None:
            self._span.update_name(name)
            self._span.set_attributes(attributes)

    def end(self) -> None:
        """It is over, and is exported; one that never ends is not."""
        if self._span is not None:
            self._span.end()


NOTHING = Span()


class _Traces:
    """Where spans go: one provider for each service of this process, one exporter for all of them."""

    def __init__(self, url: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._exporter = OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces")
        self._processor: SpanProcessor = BatchSpanProcessor(self._exporter)
        self._propagator = TraceContextTextMapPropagator()
        self._providers: dict[str, TracerProvider] = {}

    def begin(self, service: str, name: str, parent: str | None, kind: Kind, attributes: dict[str, Any]) -> "SdkSpan":
        from opentelemetry.trace import SpanKind

        context = self._propagator.extract({HEADER: parent}) if parent is not None else None
        tracer = self._provider(service).get_tracer("jobyard")
        span: Any = tracer.start_span(name, context, SpanKind[kind.upper()], attributes)
        return span  # type: ignore[no-any-return]  # the provider is the SDK's own

    def shut_down(self) -> None:
        """A collector that is away has so long to come back, and no longer."""
        patience = Timer(PATIENCE_S, self._exporter.shutdown)
        patience.start()
        self._processor.shutdown()
        patience.cancel()

    def _provider(self, service: str) -> "TracerProvider":
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        if service not in self._providers:
            resource = Resource.create({"service.name": f"jobyard-{service}"})
            provider = TracerProvider(resource=resource, shutdown_on_exit=False)
            provider.add_span_processor(self._processor)
            self._providers[service] = provider
        return self._providers[service]


_traces: _Traces | None = None


def switch_on(settings: PlatformSettings) -> None:
    """Trace from now on, if the settings say where to."""
    global _traces
    if settings.otlp_url is not None:
        _traces = _Traces(settings.otlp_url)


def shut_down() -> None:
    """Send what has not been sent; for the end of a process."""
    global _traces
    if _traces is not None:
        _traces.shut_down()
        _traces = None


def are_on() -> bool:
    return _traces is not None


def begin(service: str, name: str, parent: str | None, kind: Kind = "internal", **attributes: str | int) -> Span:
    """A step below `parent`, which lasts until its `end`; a new trace without a parent."""
    return Span(_traces.begin(service, name, parent, kind, attributes)) if _traces is not None else NOTHING


@contextmanager
def span(service: str, name: str, parent: str | None, kind: Kind = "server", **attributes: str | int) -> Iterator[Span]:
    """The same for as long as the block lasts; what is asked of others within it goes on from it."""
    if _traces is None:
        yield NOTHING
        return
    from opentelemetry.trace import use_span

    step = _traces.begin(service, name, parent, kind, attributes)
    with use_span(step, end_on_exit=True):
        yield Span(step)


def current() -> str | None:
    """The `traceparent` of the step that this task is in."""
    if _traces is None:
        return None
    from opentelemetry.trace import get_current_span

    step: Any = get_current_span()
    return _named(step) if step.get_span_context().is_valid else None


def _named(span: "SdkSpan") -> str:
    context = span.get_span_context()
    assert context is not None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
