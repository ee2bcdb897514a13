"""Sizes of answers: never estimated below what is written, or a reply may not fit in a message."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.jobs.domain.document import current_view, event_of, job_of, launch_of
from services.jobs.domain.signals import Pause, Place
from services.jobs.domain.size import event_size, job_size, launch_size, view_size
from shared.contracts.job import RANKS, Actor, Allocation, Reason, Share
from shared.contracts.notify import Notify
from tests.support.documents import after, queued, started, stopped

ODD = st.sampled_from(["\x01", '"', "\\", "é", "😀", "\u2028", "\x7f", "a", "\n", "\u00a0"])
TEXT = st.text(max_size=30) | st.builds(lambda one, times: one * times, ODD, st.integers(1, 300))
TEXTS = TEXT.map(lambda text: text.replace("\0", "")).filter(bool)
ADA = Actor(kind="user", name="a" * 64, address="é" * 64, token="t" * 64)
PATHS = st.none() | st.sampled_from('a"é😀').map(lambda one: one * 900)
REQUESTS = st.fixed_dictionaries(
    {
        "name": st.just("n" * 64),
        "command": TEXTS | st.lists(TEXTS, min_size=1, max_size=50).map(tuple),
        "vc": st.just("v" * 63),
        "image": st.none() | st.just("i" * 255),
        "env": st.dictionaries(st.sampled_from("ABCDEF"), TEXTS),
        "secrets": st.dictionaries(st.sampled_from(["S" * 128, "T"]), st.just("s" * 64)),
        "labels": st.integers(0, 64).map(lambda many: {f"{n:063}": "x" * 63 for n in range(many)}),
        "data_path": PATHS,
        "work_path": PATHS,
        "job_path": PATHS,
        "checkpoint_path": PATHS,
        "device_type": st.just("d" * 63),
        "devices": st.just(1024),
        "cpus": st.just(1234.5678901234567),
        "memory_mib": st.just(67_108_864),
        "max_duration_s": st.just(315_360_000),
        "endpoints": st.just(("ssh", "jupyter", "tensorboard")),
        "interactive_ports": st.integers(0, 32).map(lambda many: tuple(range(65_000, 65_000 + many))),
        "notify": st.integers(0, 10).map(
            lambda many: (Notify(to="https://" + '"' * 2000, on=("finished", "a")),) * many
        ),
    }
)


@given(
    REQUESTS,
    TEXTS,
    st.dictionaries(TEXTS, st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS),
)
def test_an_estimate_is_never_below_what_is_written(fields: dict[str, Any], why: str, details: dict[str, Any]) -> None:
    allocation = Allocation(shares=(Share(node="n" * 63, devices=tuple(range(960, 1024)), executor="e" * 63),) * RANKS)
    job = after(queued(**fields), Place(allocation), started(), Pause(None), stopped())
    state = job.state.model_copy(
        update={"reason": Reason(code="c" * 64, message=why, details=details), "allocation": allocation}
    )
    last = job.history[-1].model_copy(update={"state": state, "actor": ADA})
    job = job.model_copy(
        update={"state": state, "history": (*job.history[:-1], last), "owner": "o" * 64, "correlation_id": why}
    )
    assert len(job_of(job).model_dump_json().encode()) <= job_size(job)
    assert len(current_view(job).model_dump_json().encode()) <= view_size(job.request, job.state)
    assert len(launch_of(job).model_dump_json().encode()) <= launch_size(job)
    for entry in job.history:
        assert len(event_of(job, entry)[1].model_dump_json().encode()) <= event_size(job, entry)


def test_the_estimate_of_an_ordinary_job_lets_a_page_of_a_hundred_through() -> None:
    job = queued(command="python train.py --epochs 10", env={"SEED": "1"}, labels={"team": "vision"})
    assert job_size(job) < 4_000
    assert view_size(job.request, job.state) < 2_000
