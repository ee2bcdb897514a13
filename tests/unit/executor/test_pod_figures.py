"""What pods use, read from what kubelets, cAdvisor and the exporters of devices say."""

import pytest

from services.executor.domain.figures import Figures
from services.executor.domain.pod_figures import PodFigures, Series, of_series, of_summary
from services.executor.domain.reading import Reading

POD = ("jobyard-default", "job-a-a1-r0")
OF_POD = {"namespace": POD[0], "pod": POD[1], "container": "job"}


def series(name: str, value: float, **labels: str) -> Series:
    return Series(name, OF_POD | labels, value)


def test_a_kubelets_summary_says_what_a_pod_uses_but_for_block_devices() -> None:
    summary = {
        "pods": [
            {
                "podRef": {"name": POD[1], "namespace": POD[0], "uid": "c682239c"},
                "containers": [
                    {"name": "sidecar", "cpu": {"usageCoreNanoSeconds": 7}, "memory": {"workingSetBytes": 7}},
                    {
                        "name": "job",
                        "cpu": {"time": "2026-11-28T20:05:32Z", "usageCoreNanoSeconds": 4230821746},
                        "memory": {"usageBytes": 25722880, "workingSetBytes": 1601536},
                    },
                ],
                "network": {
                    "name": "eth0",
                    "rxBytes": 10,
                    "txBytes": 1,
                    "interfaces": [
                        {"name": "eth0", "rxBytes": 10, "txBytes": 1},
                        {"name": "net1", "rxBytes": 20, "txBytes": 2},
                    ],
                },
            },
            {"podRef": {"name": "starting", "namespace": POD[0]}},
        ]
    }
    seen = of_summary(summary)
    assert seen[POD] == PodFigures(cpu_ns=4230821746, memory_bytes=1601536, receive_bytes=30, transmit_bytes=3)
    assert seen[POD[0], "starting"] == PodFigures(), "nothing is known yet, and nothing is zero"
    assert of_summary({"pods": None}) == {}


def test_cadvisors_series_are_added_up_over_devices_and_interfaces_of_the_runs_own_container() -> None:
    seen = of_series(
        [
            series("container_cpu_usage_seconds_total", 4.25, cpu="total"),
            series("container_cpu_usage_seconds_total", 9, cpu="total", container=""),
            series("container_memory_working_set_bytes", 2.400256e6),
            series("container_fs_reads_bytes_total", 100, device="/dev/vda"),
            series("container_fs_reads_bytes_total", 11, device="/dev/vdb"),
            series("container_fs_writes_bytes_total", 5, device="/dev/vda"),
            series("container_network_receive_bytes_total", 70, interface="eth0", container=""),
            series("container_network_receive_bytes_total", 7, interface="net1", container=""),
            series("container_network_transmit_bytes_total", 3, interface="eth0", container="POD"),
        ]
    )
    figures = seen[POD]
    assert figures.reading(17) == Reading(
        at_ns=17,
        cpu_ns=4_250_000_000,
        memory_bytes=2400256,
        receive_bytes=77,
        transmit_bytes=3,
        read_bytes=111,
        write_bytes=5,
    )


@pytest.mark.parametrize(
    "labels",
    [
        {"namespace": POD[0], "pod": POD[1]},
        {"namespace": "gpu-operator", "pod": "dcgm-x7", "exported_namespace": POD[0], "exported_pod": POD[1]},
    ],
)
def test_gpus_are_told_by_the_pod_that_has_them_however_prometheus_scrapes(labels: dict[str, str]) -> None:
    def said(name: str, gpu: str, value: float, **more: str) -> Series:
        own = {"gpu": gpu, "UUID": f"GPU-{gpu}", "device": f"nvidia{gpu}", "modelName": "Tesla V100", "Hostname": "n1"}
        return Series(name, own | labels | more, value)

    seen = of_series(
        [
            said("DCGM_FI_DEV_GPU_UTIL", "10", 50),
            said("DCGM_FI_DEV_GPU_UTIL", "2", 100),
            said("DCGM_FI_DEV_FB_USED", "2", 3),
            said("DCGM_FI_DEV_FB_USED", "3", 1, GPU_I_ID="1"),
            said("DCGM_FI_DEV_FB_USED", "3", 2, GPU_I_ID="2"),
        ]
    )
    assert list(seen[POD].devices.values()) == [
        Figures(1.0, 3 << 20),
        Figures(None, 1 << 20),
        Figures(None, 2 << 20),
        Figures(0.5, None),
    ]


def test_npus_are_told_as_ascends_exporter_names_them() -> None:
    labels = {
        "id": "1",
        "model_name": "910B3",
        "vdie_id": "1-2-3",
        "pcie_bus_info": "0000:c1:00.0",
        "namespace": POD[0],
        "pod_name": POD[1],
        "container_name": "job",
    }
    seen = of_series(
        [
            Series("npu_chip_info_utilization", labels, 25),
            Series("npu_chip_info_hbm_used_memory", labels, 2),
            Series("npu_chip_info_used_memory", labels, 0),
            Series("npu_chip_info_hbm_used_memory", labels | {"id": "2", "model_name": "310P3"}, 0),
            Series("npu_chip_info_used_memory", labels | {"id": "2", "model_name": "310P3"}, 7),
        ]
    )
    assert list(seen[POD].devices.items()) == [
        (("npu", "0001"), Figures(0.25, 2 << 20)),
        (("npu", "0002"), Figures(None, 7 << 20)),
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("DCGM_FI_DEV_GPU_UTIL", {"pod_name": POD[1]}),
        ("DCGM_FI_DEV_GPU_UTIL", {"exported_pod": POD[1]}),
        ("container_memory_working_set_bytes", {"pod_name": POD[1], "exported_pod": POD[1], "container": "job"}),
        ("npu_chip_info_utilization", {"pod_name": POD[1]}),
        ("npu_chip_info_utilization", {"exported_pod": POD[1]}),
    ],
)
def test_what_a_job_serves_of_another_one_is_believed_of_itself_at_most(name: str, said: dict[str, str]) -> None:
    own = (POD[0], f"job-{'0' * 25}b-a1-r0")
    seen = of_series([Series(name, {"namespace": own[0], "pod": own[1], "gpu": "0", "id": "0"} | said, 50)])
    assert set(seen) <= {own}


def test_an_npu_exporters_own_pod_is_not_taken_for_the_one_that_it_speaks_of() -> None:
    there = {"namespace": "kube-system", "pod": "npu-exporter-x7", "id": "1", "pod_name": POD[1]}
    for labels in (there | {"namespace": POD[0]}, there | {"exported_namespace": POD[0]}):
        assert set(of_series([Series("npu_chip_info_utilization", labels, 50)])) == {POD}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_value_that_no_counter_can_have_is_not_known(value: float) -> None:
    seen = of_series([series("container_cpu_usage_seconds_total", value), series("DCGM_FI_DEV_GPU_UTIL", value)])
    assert seen == {}


def test_what_belongs_to_no_pod_is_nobodys() -> None:
    idle = {"gpu": "0", "namespace": "", "pod": "", "container": ""}
    assert of_series([Series("DCGM_FI_DEV_GPU_UTIL", idle, 5), Series("DCGM_FI_DEV_GPU_UTIL", {}, 5)]) == {}


def test_of_two_that_know_a_figure_the_first_one_counts() -> None:
    one = PodFigures(cpu_ns=1, devices={("gpu", "0"): Figures(0.5)})
    other = PodFigures(cpu_ns=2, read_bytes=3, devices={("gpu", "0"): Figures(0.9)})
    assert one.joined(other) == PodFigures(cpu_ns=1, read_bytes=3, devices={("gpu", "0"): Figures(0.5)})


def test_whatever_a_kubelet_counts_every_figure_is_one_that_a_run_can_have() -> None:
    huge = 10**400
    said = {
        "podRef": {"namespace": POD[0], "name": POD[1]},
        "containers": [{"name": "job", "cpu": {"usageCoreNanoSeconds": huge}, "memory": {"workingSetBytes": True}}],
        "network": {"interfaces": [{"rxBytes": 1 << 61, "txBytes": 1}, {"rxBytes": 1 << 61, "txBytes": 2}]},
    }
    assert of_summary({"pods": [said]}) == {POD: PodFigures(transmit_bytes=3)}
    rest = of_series([series("container_cpu_usage_seconds_total", 2.0**61), series("DCGM_FI_DEV_FB_USED", 2.0**61)])
    assert rest == {POD: PodFigures(devices={("gpu", "0000 "): Figures()})}
