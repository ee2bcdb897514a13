"""A whole Kubernetes for tests: the control plane and one real node, or the one that `KUBECONFIG` names."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.kubernetes.control_plane import ControlPlane
from tests.support.kubernetes.images import archive
from tests.support.kubernetes.network import Network
from tests.support.kubernetes.node import SANDBOX, Node
from tests.support.root_filesystem import root_filesystem

IMAGE = "jobyard.test/python:1"


class Cluster:
    """The cluster, and the nodes that it has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = Network()
        (folder / "plane").mkdir()
        self.plane = ControlPlane(folder / "plane")
        base = root_filesystem()
        self._images = [
            archive(folder / "python.tar", IMAGE, base, ["python3"]),
            archive(folder / "pause.tar", SANDBOX, base, ["sleep", "infinity"]),
        ]
        self.nodes: dict[str, Node] = {}

    def start(self) -> None:
        self.network.open()
        self.plane.start()

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


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """With one node, `node-1`."""
    folder = Path(tempfile.mkdtemp(prefix="jobyard-kubernetes-"))
    running = Cluster(folder)
    try:
        running.start()
        running.add("node-1")
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)
