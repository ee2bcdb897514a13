"""Jobs for the console to show: one in each status, and one whose every text is hostile."""

import os
import signal
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.freezing import freeze
from tests.support.people import Person
from tests.support.platform import Platform
from tests.support.waiting import wait_until

CALM = "echo started; trap 'exit 0' TERM; while :; do sleep 1; done"
"""Runs until it is told to stop, and then stops at once."""
STUBBORN = "trap '' TERM; echo stays; while :; do sleep 1; done"
"""Does not stop before its grace period is over."""
TRAINING = """
import os, time
for epoch in range(1, 31):
    loss = 2.3 * 0.9 ** epoch
    print(f"epoch {epoch:2d}/30  \\x1b[32mloss {loss:.4f}\\x1b[0m  accuracy {1 - loss / 2.4:.4f}", flush=True)
"""
FAILING = f"python3 -c '{TRAINING}'; echo 'RuntimeError: CUDA out of memory: tried to allocate 2.00 GiB' >&2; exit 3"
LIGHT = {"cpus": 0.01}


def in_each_status(yard: Platform, person: Person) -> dict[str, str]:
    """The ids of this person's jobs, by status; all but `scheduling`, which passes (see `held_in_scheduling`).

    `queued` waits for devices behind `running`, and stands where it is until that ends.
    """
    running = person.submit(
        CALM, "train-resnet50", device_type="v100", devices=6, priority=200, labels={"team": "vision"}, **LIGHT
    )
    yard.wait(running, "running")
    ids = {
        "running": running,
        "queued": person.submit(
            "python3 train.py --epochs 90", "train-vit-large", device_type="v100", devices=4, preemptible=True, **LIGHT
        ),
        "finished": person.submit(f"python3 -c '{TRAINING}'", "digits-baseline", **LIGHT),
        "failed": person.submit(FAILING, "finetune-llama", device_type="ascend910", devices=2, **LIGHT),
        "error": person.submit("python3 train.py", "export-onnx", work_path="no/such/folder", **LIGHT),
        "killed": person.submit(CALM, "sweep-lr-0.1", **LIGHT),
        "paused": person.submit(CALM, "pretrain-bert", preemptible=True, **LIGHT),
        "pausing": person.submit(STUBBORN, "distill-small", grace_period_s=3600, **LIGHT),
        "killing": person.submit(STUBBORN, "profile-io", grace_period_s=3600, **LIGHT),
    }
    for over in ("finished", "failed", "error"):
        yard.wait(ids[over], over)
    for status, action in (("killed", "kill"), ("paused", "pause"), ("pausing", "pause"), ("killing", "kill")):
        yard.wait(ids[status], "running")
        _until_it_wrote(yard, ids[status])
        person.call("POST", f"/jobs/{ids[status]}/{action}", 202)
        yard.wait(ids[status], status)
    return ids


def _until_it_wrote(yard: Platform, id: str) -> None:
    """A signal that comes before the job's own trap would end it."""
    wait_until(lambda: yard.lines(id), "it has set its trap")


@contextmanager
def held_in_scheduling(yard: Platform, person: Person) -> Iterator[str]:
    """A job that stays in `scheduling`: its executor stands still meanwhile."""
    executor = yard.part("executor")
    freeze(executor)
    try:
        id = person.submit(CALM, "held-in-scheduling", **LIGHT)
        yield yard.wait(id, "scheduling")["id"]
    finally:
        os.kill(executor, signal.SIGCONT)


MARKUP = """<img src=x onerror="alert('img')"><script>alert('script')</script><b>bold</b>{{ constructor }}"""
RIGHT_TO_LEFT = "\u202eexe.gnp\u202c \u2067\u05d0\u05d1\u05d2 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u200f"
LONG = "W" * 10_000
ESCAPES = (
    "\x1b]0;title\x07\x1b]52;c;aGFja2Vk\x07\x1b[2J\x1b[1;31mred\x1b[0m \x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07"
)


def hostile(yard: Platform, person: Person) -> dict[str, str]:
    """Ids, by status, of jobs whose every text tries something: command, environment, labels, lines, reason, mail."""
    command = f"{MARKUP} {RIGHT_TO_LEFT} {LONG}"
    prints = textwrap.dedent(
        f"""
        cat <<'EOF'
        {MARKUP}
        {RIGHT_TO_LEFT}
        {ESCAPES}
        {LONG}
        EOF
        printf '\\377\\376 not UTF-8\\n10 %%\\r100 %%\\n'
        """
    )
    texts = {
        "labels": {"team": "W" * 63, "W" * 63: "a/b@c+d=e"},
        "env": {"MARKUP": MARKUP, "MARKS": RIGHT_TO_LEFT, "LONG": LONG, "V" * 128: "x"},
    }
    nowhere = f"no/{MARKUP}{RIGHT_TO_LEFT}"[:200]
    ids = {
        "running": person.submit(f"{prints}\n{CALM}", "W" * 64, priority=1000, **texts, **LIGHT),
        "failed": person.submit(f"{prints}\nexit 3", "failed", **texts, **LIGHT),
        "error": person.submit(command, "error", work_path=nowhere, **texts, **LIGHT),
        "queued": person.submit(command, "-".join("W" * 32), device_type="none-such", devices=1, **texts, **LIGHT),
    }
    for status in ("running", "failed", "error"):
        yard.wait(ids[status], status)
    mail = {"subject": f"{MARKUP} {RIGHT_TO_LEFT}"[:200], "message": f"{MARKUP}\n{RIGHT_TO_LEFT}\n{LONG[:8000]}"}
    person.call("POST", f"/jobs/{ids['failed']}/support", 202, json=mail)
    return ids
