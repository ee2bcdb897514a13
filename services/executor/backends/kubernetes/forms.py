"""The two forms that a run's container has: its command under our scripts, or by itself where its image has no shell.

By itself it is the container's first process: the kubelet's SIGTERM goes to it and to nobody else, and nothing looks
whether the claim has the platform's files, nor says whether a stop or the end came first (see `pod_states`).
"""

import math

from services.executor.backends.kubernetes import wrapper
from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.gathering import Gathering
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.mounts import mark_of
from services.executor.backends.kubernetes.variables import literal
from services.executor.backends.protocol import RunOrder


def wrapped(order: RunOrder, layout: Layout, gathering: Gathering | None) -> Document:
    """Fields of the container."""
    waits = None
    if gathering is not None:
        table_s = 0 if gathering.table is None else math.ceil(layout.rank_table_s)
        waits = wrapper.Waits(str(gathering.meeting), learns=order.rank > 0, table_s=table_s)
    words = wrapper.started(order.argv, str(order.cwd), str(mark_of(order)), "HOME" in order.env, waits)
    return {
        "command": [literal(word) for word in words],
        "lifecycle": {"preStop": {"exec": {"command": wrapper.stopped()}}},
        "terminationMessagePath": wrapper.MESSAGE,
    }


def direct(order: RunOrder) -> Document:
    """Fields of the container."""
    return {"command": [literal(word) for word in order.argv], "workingDir": str(order.cwd)}


def home(order: RunOrder) -> dict[str, str]:
    """The variable that nobody sets in the second form: whose home the image's is, and whether it can be written, no
    script looks.
    """
    return {} if "HOME" in order.env else {"HOME": str(order.folders.job)}
