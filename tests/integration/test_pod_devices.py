"""What devices do in pods, asked of a real Prometheus that scrapes what exporters of devices say."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from services.executor.backends.kubernetes.prometheus import Prometheus
from services.executor.domain.figures import Figures
from services.executor.domain.pod_figures import CADVISOR, DEVICES, PodFigures
from tests.support.http_double import HttpDouble, Quiet
from tests.support.programs import needs
from tests.support.prometheus import PrometheusServer

GPU = 'gpu="3",UUID="GPU-7b3f",pci_bus_id="00000000:0B:00.0",device="nvidia3",modelName="Tesla V100",Hostname="n1"'
NPU = 'id="2",model_name="910B3",vdie_id="1-2",pcie_bus_info="0000:c1:00.0"'
OWN = 'namespace="jobyard-lab",pod="job-a-a1-r0",container="job"'
MEANT = 'exported_namespace="jobyard-lab",exported_'
SAID = f"""# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{{{GPU},{OWN}}} 75
DCGM_FI_DEV_FB_USED{{{GPU},{OWN}}} 1024
DCGM_FI_DEV_GPU_UTIL{{gpu="0",namespace="elsewhere",pod="theirs",container="job"}} 99
DCGM_FI_DEV_GPU_TEMP{{{GPU},{OWN}}} 60
npu_chip_info_utilization{{{NPU},namespace="jobyard-lab",pod_name="job-b-a1-r0",container_name="job"}} 50
npu_chip_info_hbm_used_memory{{{NPU},namespace="jobyard-lab",pod_name="job-b-a1-r0",container_name="job"}} 2048
DCGM_FI_DEV_GPU_UTIL{{gpu="0",namespace="jobyard-evil",pod="job-evil",{MEANT}pod="job-a-a1-r0"}} 1
DCGM_FI_DEV_FB_USED{{gpu="9",namespace="gpu",pod="dcgm-x7",{MEANT}pod="job-c-a1-r0"}} 1024
container_cpu_usage_seconds_total{{{OWN},cpu="total"}} 2.5
container_fs_writes_bytes_total{{{OWN},device="/dev/vda"}} 4096
"""


class Exporter(Quiet, BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(SAID.encode())


@pytest.fixture
def prometheus() -> Iterator[PrometheusServer]:
    needs("prometheus")
    with HttpDouble(Exporter) as exporter, PrometheusServer([f"127.0.0.1:{exporter.port}"]) as server:
        server.wait_for("npu_chip_info_utilization")
        yield server


async def test_devices_are_known_by_the_pods_that_have_them(prometheus: PrometheusServer) -> None:
    seen = await Prometheus(prometheus.url, DEVICES, "jobyard-").read("")
    assert seen == {
        ("jobyard-lab", "job-a-a1-r0"): PodFigures(devices={("gpu", "0003 "): Figures(0.75, 1 << 30)}),
        ("jobyard-lab", "job-c-a1-r0"): PodFigures(devices={("gpu", "0009 "): Figures(None, 1 << 30)}),
        ("jobyard-lab", "job-b-a1-r0"): PodFigures(devices={("npu", "0002"): Figures(0.5, 2 << 30)}),
    }
    everything = await Prometheus(prometheus.url, (*CADVISOR, *DEVICES), "jobyard-").read("")
    figures = everything["jobyard-lab", "job-a-a1-r0"]
    assert (figures.cpu_ns, figures.write_bytes) == (2_500_000_000, 4096)


async def test_one_that_does_not_answer_or_is_something_else_is_told(prometheus: PrometheusServer) -> None:
    with pytest.raises(ConnectionError, match="Prometheus does not answer"):
        await Prometheus("http://127.0.0.1:1", DEVICES, "jobyard-").read("")
    with pytest.raises(ValueError, match="Prometheus refused the query"):
        await Prometheus(prometheus.url, ["(", *DEVICES], "jobyard-").read("")
