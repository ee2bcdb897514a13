"""GPUs and NPUs as their drivers tell of them: found, and read for the runs that hold them, whatever goes wrong.

NVML is a library that replays what real drivers said, `npu-smi` a program that prints what real ones printed.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.backends.process.linux import start_time
from services.executor.devices.ascend import NpuSmi
from services.executor.devices.nvidia import installed
from services.executor.domain.figures import Figures
from services.executor.domain.holder import Holder
from shared.contracts import subjects
from shared.contracts.events import CloudEvent, NodeReported, RunExited
from shared.contracts.metrics import Accelerator
from shared.settings import PlatformSettings
from tests.support.device_reader import DeviceReader, device_reader
from tests.support.executor import NODE
from tests.support.executor_service import ExecutorService, Yard, yard_at
from tests.support.gpus import Gpus
from tests.support.nats import NatsServer
from tests.support.npus import USED, NpuSmiProgram, recorded
from tests.support.programs import needs
from tests.support.waiting import until, wait_until

needs("cc")

GIB, MIB = 1 << 30, 1 << 20

ERRORS = (3, 4, 9, 10, 15, 16, 18, 24, 999)
"""NVML_ERROR_NOT_SUPPORTED, NO_PERMISSION, DRIVER_NOT_LOADED, TIMEOUT, GPU_IS_LOST, RESET_REQUIRED,
LIB_RM_VERSION_MISMATCH, FREQ_NOT_SUPPORTED, UNKNOWN."""


@pytest.fixture
def gpus(tmp_path: Path) -> Gpus:
    return Gpus(tmp_path)


@pytest.fixture
def reader(gpus: Gpus, tmp_path: Path) -> Iterator[DeviceReader]:
    with device_reader(gpus.environment, tmp_path) as reader:
        yield reader


@pytest.fixture
def program(tmp_path: Path) -> NpuSmiProgram:
    program = NpuSmiProgram(tmp_path)
    program.says(table=recorded("910b3"), mapping=recorded("910b3_mapping"))
    return program


# --- GPUs


def test_gpus_are_found_and_counted_by_type(reader: DeviceReader) -> None:
    assert reader.counts == {"v100": 2, "t4": 1}


def test_a_run_is_told_what_its_own_processes_use_of_the_devices_it_was_given(reader: DeviceReader) -> None:
    # by the bus the first V100 is the idle one
    used = reader.read(Holder("both", "v100", (0, 1), (1, 4100, 4101)), Holder("old", "t4", (0,), (5200,)))
    assert used == {
        "both": [("gpu", 0, 0.0, 3 * MIB), ("gpu", 1, pytest.approx(0.94), 29 * GIB + GIB // 2)],
        "old": [("gpu", 0, 0.12, GIB)],
    }


def test_only_the_runs_own_processes_count(reader: DeviceReader) -> None:
    assert reader.read(Holder("one", "v100", (1,), (4101,))) == {"one": [("gpu", 1, 0.3, GIB + GIB // 2)]}


def test_a_process_that_has_stopped_working_does_not_count_for_ever(gpus: Gpus, reader: DeviceReader) -> None:
    holder = Holder("one", "v100", (1,), (4100, 4101))
    assert reader.read(holder)["one"][0][2] == pytest.approx(0.94)
    gpus.change("0 sample 4100", "0 sample 4100 1700000005000000 10")
    assert reader.read(holder)["one"][0][2] == 0.1
    assert reader.read(holder)["one"][0][2] == 0.97, "no new samples: the device's own"


def test_each_figure_that_a_driver_refuses_is_unknown_and_only_that(gpus: Gpus, reader: DeviceReader) -> None:
    for error in ERRORS:
        for what in ("utilization", "memory_v2", "process", "sample"):
            gpus.change(f"0 {what}", f"0 {what} !{error}")
        assert reader.read(Holder("sick", "v100", (0, 1), (4100,)), Holder("well", "t4", (0,), ())) == {
            "sick": [("gpu", 0, 0.0, 3 * MIB), ("gpu", 1, None, None)],
            "well": [("gpu", 0, 0.12, GIB)],
        }


def test_a_device_that_is_lost_while_it_is_held_is_unknown_until_it_comes_back(
    gpus: Gpus, reader: DeviceReader
) -> None:
    holder = Holder("one", "t4", (0,), (5200,))
    for what in ("utilization", "memory", "process", "sample"):
        gpus.change(f"2 {what}", f"2 {what} !15")
    assert reader.read(holder) == {"one": [("gpu", 0, None, None)]}
    gpus.change("2 utilization", "2 utilization 55")
    assert reader.read(holder) == {"one": [("gpu", 0, 0.55, None)]}


@pytest.mark.parametrize(("was", "instead"), [("0 utilization", "0 handle !15"), ("0 name", "0 name !999")])
def test_a_device_that_cannot_be_opened_is_not_given_out(gpus: Gpus, tmp_path: Path, was: str, instead: str) -> None:
    gpus.change(was, instead)
    with device_reader(gpus.environment, tmp_path) as reader:
        assert reader.counts == {"v100": 1, "t4": 1}
        assert reader.read(Holder("one", "t4", (0,), ())) == {"one": [("gpu", 0, 0.12, GIB)]}


@pytest.mark.parametrize("error", [9, 18])
def test_a_driver_that_does_not_work_has_no_devices(gpus: Gpus, tmp_path: Path, error: int) -> None:
    gpus.change("0 sample", f"-1 init !{error}")
    with device_reader(gpus.environment, tmp_path) as reader:
        assert reader.counts == {}
        assert reader.read(Holder("one", "v100", (0,), (1,))) == {}


def test_a_driver_that_hangs_costs_its_figures_and_holds_up_neither_the_reader_nor_its_end(
    gpus: Gpus,
    tmp_path: Path,
) -> None:
    holder = Holder("one", "v100", (0,), (1,))
    with device_reader(gpus.environment, tmp_path, gpu_within_s=0.5) as reader:
        wait_until(lambda: reader.read(holder) == {"one": [("gpu", 0, 0.0, 3 * MIB)]}, "the figures are there")
        gpus.change("1 utilization", "1 utilization hang")
        wait_until(lambda: reader.read(holder) == {"one": [("gpu", 0, None, None)]}, "the figures are unknown")
        assert reader.read(holder) == {"one": [("gpu", 0, None, None)]}


def test_a_utilization_above_the_whole_is_no_figure(gpus: Gpus, reader: DeviceReader) -> None:
    gpus.change("2 utilization", "2 utilization 4294967295")
    assert reader.read(Holder("one", "t4", (0,), ())) == {"one": [("gpu", 0, None, GIB)]}


def test_devices_that_are_not_there_are_not_told_of(reader: DeviceReader) -> None:
    assert (
        reader.read(Holder("cpu", "cpu", (), (1,)), Holder("gone", "v100", (7,), ()), Holder("no", "x", (0,), ())) == {}
    )


# --- which are offered


def test_simulated_devices_are_never_mixed_with_real_ones_and_report_nothing(gpus: Gpus, tmp_path: Path) -> None:
    with device_reader(gpus.environment | {"JOBYARD_EXECUTOR_SIMULATE": "v100=8"}, tmp_path) as reader:
        assert reader.counts == {"v100": 8}
        assert reader.read(Holder("one", "v100", (0, 7), (4100,))) == {}


def test_devices_are_left_alone_where_the_operator_says_so(gpus: Gpus, tmp_path: Path) -> None:
    with device_reader(gpus.environment | {"JOBYARD_EXECUTOR_DEVICES": "none"}, tmp_path) as reader:
        assert reader.counts == {}


def test_models_get_the_types_that_the_operator_names(gpus: Gpus, tmp_path: Path) -> None:
    named = {"JOBYARD_EXECUTOR_DEVICE_TYPES": "Tesla V100-SXM2-32GB=v100-32g"}
    with device_reader(gpus.environment | named, tmp_path) as reader:
        assert reader.counts == {"v100-32g": 2, "t4": 1}


def test_a_device_that_is_lost_gives_its_index_to_no_other_while_the_machine_runs(gpus: Gpus, tmp_path: Path) -> None:
    holder = Holder("one", "v100", (0, 1), (4100, 4101))
    with device_reader(gpus.environment, tmp_path) as reader:
        assert reader.counts == {"v100": 2, "t4": 1}
    gpus.change("1 utilization", "1 handle !15")
    with device_reader(gpus.environment, tmp_path) as reader:
        assert (reader.counts, reader.lost) == ({"v100": 2, "t4": 1}, [["v100", 0]])
        assert reader.read(holder) == {
            "one": [("gpu", 0, None, None), ("gpu", 1, pytest.approx(0.94), 29 * GIB + GIB // 2)]
        }
    with device_reader(gpus.environment, tmp_path, boot_id="next") as reader:
        assert (reader.counts, reader.lost) == ({"v100": 1, "t4": 1}, [])


def test_the_bindings_are_not_loaded_where_there_is_no_driver(tmp_path: Path) -> None:
    with device_reader({}, tmp_path) as reader:
        assert reader.bindings == installed()


# --- NPUs


def test_npus_are_found_and_read_through_npu_smi(program: NpuSmiProgram) -> None:
    path = {"PATH": f"{program.folder}:{os.environ['PATH']}"}
    with device_reader(path, program.folder) as reader:
        assert reader.counts.get("ascend910b") == 2
        holder = Holder("one", "ascend910b", (0, 1), (1,))
        wait_until(
            lambda: reader.read(holder) == {"one": [("npu", 0, 0.0, 3445 * MIB), ("npu", 1, 0.12, 60156 * MIB)]},
            "npu-smi has answered",
        )


def test_an_npu_smi_that_hangs_is_killed_with_all_that_it_started(program: NpuSmiProgram) -> None:
    smi = NpuSmi(str(program.path))
    assert smi.find({}) is not None
    program.hangs()
    hasty = NpuSmi(str(program.path), timeout_s=1)
    wait_until(lambda: hasty.figures() is None and program.pids, "it hangs, and a program of its own with it")
    wait_until(lambda: all(start_time(pid) is None for pid in program.pids), "both are gone")
    program.hangs(False)
    assert smi.figures() is not None


@pytest.mark.parametrize(("text", "code"), [(USED, 1), (USED, 0), ("", 139)])
def test_an_npu_smi_that_fails_has_no_figures(program: NpuSmiProgram, text: str, code: int) -> None:
    smi = NpuSmi(str(program.path))
    assert smi.find({}) is not None
    program.says(table=text, mapping=text, code=code)
    assert not smi.figures()
    assert not NpuSmi(str(program.path)).find({})


def test_figures_belong_to_logical_ids_also_where_cards_have_gaps(program: NpuSmiProgram) -> None:
    program.says(table=recorded("910_two_chips"), mapping=recorded("910_two_chips_mapping"))
    smi = NpuSmi(str(program.path))
    assert smi.find({}) is not None
    assert smi.figures() == {
        0: Figures(1.0, 59807 * MIB),
        1: Figures(0.6, 59536 * MIB),
        2: Figures(0.0, 3140 * MIB),
    }


def test_a_program_that_is_gone_has_no_devices(tmp_path: Path) -> None:
    assert NpuSmi(str(tmp_path / "npu-smi")).find({}) is None


# --- what the executor makes of them


async def test_an_executor_reports_its_real_devices_and_gives_them_out_by_their_libraries_numbers(
    gpus: Gpus, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    async with NatsServer() as nats:
        settings = PlatformSettings(data=tmp_path, nats_url=nats.url)
        async with yard_at(settings, tmp_path / "work") as yard:
            with ExecutorService(nats.url, tmp_path / "data", gpus.environment, simulate=""):
                shown = "echo $JOBYARD_DEVICES: $CUDA_DEVICE_ORDER $CUDA_VISIBLE_DEVICES"
                views = [
                    await yard.place(shown, device_type=device_type, devices=devices)
                    for device_type, devices in (("v100", (0, 1)), ("t4", (0,)), ("t4", (1,)), ("cpu", ()))
                ]
                assert (await yard.said(views[2], "refused")).fact == "refused"
                for view in (views[0], views[1], views[3]):
                    await yard.said(view, "exited")
            # the bus has the T4 between the two V100
            assert await yard.console(views[0]) == ["0,1: PCI_BUS_ID 0,2"]
            assert await yard.console(views[1]) == ["0: PCI_BUS_ID 1"]
            assert await yard.console(views[3]) == [":"]
            message = await yard.bus.js.get_last_msg(subjects.EVENTS, f"evt.node.reported.v1.{NODE}")
            report = CloudEvent[NodeReported].model_validate_json(message.data or b"").data
    assert (report.devices, report.simulated) == ({"v100": 2, "t4": 1}, ())


async def test_what_a_runs_own_processes_use_of_its_gpu_is_in_its_samples_and_stays_with_its_end(
    gpus: Gpus, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    async with NatsServer() as nats:
        settings = PlatformSettings(data=tmp_path, nats_url=nats.url)
        async with yard_at(settings, tmp_path / "work") as yard:
            with ExecutorService(nats.url, tmp_path / "data", gpus.environment, simulate=""):
                view = await yard.place(f"echo $$ > pid; {Yard.WAIT_FOR_GO}", device_type="v100", devices=(1,))
                await until(lambda: yard.wrote("pid"), "it runs")
                pid = int(yard.wrote("pid"))
                gpus.change("0 process 4100", f"0 process {pid} {2 * GIB}")
                gpus.change("0 sample 4100", f"0 sample {pid} 1 40")
                own = Accelerator(kind="gpu", device=1, utilization=0.4, memory_bytes=2 * GIB)

                async def sampled() -> bool:
                    gpus.change(f"0 sample {pid}", f"0 sample {pid} {time.time_ns() // 1000} 40")
                    return any(sample.accelerators == (own,) for sample in await yard.samples(view))

                await until(sampled, "a sample has the share of its process")
                yard.go()
                exited = await yard.said(view, "exited")
    assert isinstance(exited, RunExited) and exited.usage is not None
    assert exited.usage.device_seconds >= exited.usage.device_measured_seconds > 0
    assert exited.usage.device_idle_seconds < exited.usage.device_measured_seconds  # it was idle until it was known
    assert exited.usage.device_utilization_mean is not None and exited.usage.device_utilization_mean > 0
    assert exited.usage.device_memory_peak_bytes is not None and exited.usage.device_memory_peak_bytes >= 2 * GIB


# --- a real one, where there is one

if installed() and any(Path("/proc/driver/nvidia/gpus").glob("*")):

    def test_this_machines_own_gpu_is_found_and_read(tmp_path: Path) -> None:
        with device_reader({}, tmp_path) as reader:
            device_type, count = next(iter(reader.counts.items()))
            found = reader.read(Holder("own", device_type, tuple(range(count)), ()))["own"]
        for index, (kind, number, use, memory) in enumerate(found):
            assert (kind, number) == ("gpu", index)
            assert use is None or 0 <= use <= 1
            assert memory is not None and memory >= 0
