"""What the executor measures of its own work; what the jobs use is the sampler's affair."""

from collections import Counter
from collections.abc import Mapping

from services.executor.domain.observation import Started
from services.executor.run import Run
from shared.contracts.instruments import RUNS
from shared.meter import Meter, Values


def measure_runs(meter: Meter, runs: Mapping[str, Run]) -> None:
    """Those that live, by how far they are."""

    def states() -> Values:
        found = Counter({"starting": 0, "running": 0})
        found.update("running" if isinstance(run.seen, Started) else "starting" for run in runs.values() if run.lives)
        return (((state,), count) for state, count in found.items())

    meter.watch(RUNS, states)
