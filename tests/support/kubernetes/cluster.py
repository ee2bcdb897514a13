"""A whole Kubernetes for tests: the control plane and one real node, or the one that `KUBECONFIG` names."""

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.kubernetes.control_plane import SERVICE, ControlPlane
from tests.support.kubernetes.images import PLAIN, archive, without_shell
from tests.support.kubernetes.network import Network
from tests.support.kubernetes.node import SANDBOX, Node
from tests.support.kubernetes.programs import needs_programs
from tests.support.root_filesystem import root_filesystem

IMAGE = "jobyard.test/python:1"
BARE_IMAGE = "jobyard.test/bare:1"
"""Without a shell: it has the program `PLAIN`."""
PROGRAMS_OF_A_NODE = ("etcd", "kube-apiserver", "kubelet", "containerd")


class Cluster:
    """The cluster, and the nodes that it has. `kubeconfig` is an administrator's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = Network()
        (folder / "plane").mkdir()
        self.plane = ControlPlane(folder / "plane", self.network.address)
        names = (IMAGE, SANDBOX)
        self._images = [
            archive(folder / "images.tar", names, root_filesystem(), ["/bin/sleep", "infinity"]),
            archive(folder / "bare.tar", (BARE_IMAGE,), without_shell(folder / "bare-files.tar"), [PLAIN]),
        ]
        self.nodes: dict[str, Node] = {}
        self.kubeconfig = self.plane.kubeconfig

    def start(self) -> None:
        self.network.open()
        self.plane.start()
        self.network.forward(SERVICE, 443, int(self.plane.url.rpartition(":")[2]))

    def add(self, name: str) -> Node:
        """Start a node and return when it has registered."""
        node = Node(name, self.folder / name, self.plane, self.network, self._images)
        self.nodes[name] = node
        node.start()
        return node

    def stop(self) -> None:
        for node in self.nodes.values():
            node.stop()
        self.plane.stop()
        self.network.close()


def shared() -> Path:
    """The kubeconfig of a cluster for all tests of this process: the one that `KUBECONFIG` names, or one of our own.

    It has a node `node-1`, and the images `IMAGE` and `BARE_IMAGE` on it.
    """
    given = os.environ.get("KUBECONFIG")
    return Path(given) if given else own().kubeconfig


@cache
def second() -> Node:
    """A further node of that cluster, `node-2`. Who loses it loses it for all tests that come later."""
    if os.environ.get("KUBECONFIG"):
        pytest.skip("nodes of a cluster that is not the tests' own are left alone")
    return own().add("node-2")


@cache
def own() -> Cluster:
    """The one of our own, of which parts may be stopped and started."""
    needs_programs(*PROGRAMS_OF_A_NODE)
    stack = contextlib.ExitStack()
    running = stack.enter_context(cluster())
    atexit.register(stack.close)
    return running


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """With one node, `node-1`, on this machine."""
    folder = Path(tempfile.mkdtemp(prefix="jobyard-kubernetes-"))
    running = Cluster(folder)
    try:
        running.start()
        running.add("node-1")
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)
