"""What Prometheus makes of the platform, with a real one."""

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from tests.support.ports import free_port
from tests.support.programs import needs
from tests.support.prometheus import PrometheusServer

needs("prometheus")


def test_a_value_that_is_served_is_found_by_a_query() -> None:
    registry, port = CollectorRegistry(), free_port()
    Gauge("answer", "To everything.", registry=registry).set(42)
    server, thread = start_http_server(port, "127.0.0.1", registry=registry)
    try:
        with PrometheusServer([f"127.0.0.1:{port}"]) as prometheus:
            assert prometheus.wait_for("answer + 1")[0]["value"][1] == "43"
            assert prometheus.query("absent(answer)") == []
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
