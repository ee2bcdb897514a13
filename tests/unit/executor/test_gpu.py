"""A run's part of a GPU: by process where the driver tells them apart, else the device's own, never an invented 0."""

from services.executor.domain.figures import Figures
from services.executor.domain.gpu import GpuFacts, used_by

GIB = 1 << 30


def facts(processes: dict[int, int | None], samples: dict[int, float], utilization: float | None = 0.9) -> GpuFacts:
    return GpuFacts(utilization, 20 * GIB, processes, samples)


def test_the_processes_of_the_run_are_summed_and_those_of_others_left_out() -> None:
    seen = facts({10: 2 * GIB, 11: 3 * GIB, 99: 9 * GIB}, {10: 0.2, 11: 0.3, 99: 0.4})
    assert used_by(seen, (9, 10, 11)) == Figures(0.5, 5 * GIB)


def test_a_run_that_is_on_the_gpu_and_does_nothing_is_idle_while_somebody_else_works_there() -> None:
    assert used_by(facts({10: GIB, 99: GIB}, {99: 0.8}), (10,)) == Figures(0.0, GIB)


def test_a_driver_without_samples_leaves_the_devices_own_use() -> None:
    assert used_by(facts({10: GIB}, {}), (10,)) == Figures(0.9, GIB)


def test_a_process_whose_memory_is_not_told_leaves_the_devices_own() -> None:
    assert used_by(facts({10: GIB, 11: None}, {10: 0.2}), (10, 11)) == Figures(0.2, 20 * GIB)


def test_processes_that_the_driver_does_not_know_leave_the_devices_own_figures() -> None:
    assert used_by(facts({99: GIB}, {99: 0.1}), (10,)) == Figures(0.9, 20 * GIB)


def test_a_sum_of_samples_is_never_more_than_the_whole_device() -> None:
    assert used_by(facts({10: GIB, 11: GIB}, {10: 0.7, 11: 0.7}), (10, 11)).utilization == 1.0


def test_what_nobody_knows_is_unknown() -> None:
    assert used_by(GpuFacts(), (10,)) == Figures(None, None)
