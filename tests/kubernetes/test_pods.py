"""Runs as real pods of a real cluster."""

from services.executor.backends.frames import STDOUT
from tests.support.kubernetes.bench import KubernetesBench


async def test_a_command_runs_in_a_pod_of_the_restricted_level_and_its_output_and_exit_code_arrive(
    bench: KubernetesBench,
) -> None:
    id = await bench.launch("echo hello; id -u; exit 3")
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.stopped) == (3, False)
    assert bench.output(id)[STDOUT] == b"hello\n1000\n"
