"""A real node of a test cluster on this machine: containerd and kubelet, with folders and groups of their own."""

import contextlib
import os
import subprocess
from pathlib import Path

import psutil
import yaml

from tests.support.kubernetes.control_groups import ControlGroup
from tests.support.kubernetes.control_plane import ControlPlane
from tests.support.kubernetes.daemon import Daemon
from tests.support.kubernetes.network import PLUGINS, Network
from tests.support.kubernetes.programs import program
from tests.support.ports import free_port

SANDBOX = "jobyard.test/pause:1"

_CONTAINERD = """
version = 3
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]

[grpc]
address = "{socket}"

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
disable_apparmor = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{plugins}"]
conf_dir = "{folder}/network"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{sandbox}"
"""


class Node:
    """One node; `images` are archives that its containers can start from."""

    def __init__(self, name: str, folder: Path, plane: ControlPlane, network: Network, images: list[Path]) -> None:
        folder.mkdir(parents=True)
        self.name = name
        self._folder = folder
        self._plane = plane
        self._network = network
        self._images = images
        self._group = ControlGroup(f"{network.bridge}-{name}")
        self._socket = folder / "containerd.sock"
        self._ctr = [str(program("ctr")), f"--address={self._socket}", "--namespace=k8s.io"]
        shim = program("containerd-shim-runc-v2").parent
        self.containerd = Daemon(
            [program("containerd"), f"--config={self._write_containerd()}"],
            folder / "containerd.log",
            lambda: self._run("version"),
            os.environ | {"PATH": f"{shim}:{os.environ['PATH']}"},
        )
        self.kubelet = Daemon(
            [
                program("kubelet"),
                f"--config={self._write_kubelet()}",
                f"--kubeconfig={self._credentials()}",
                f"--hostname-override={name}",
                f"--node-ip={network.address}",
                f"--root-dir={folder}/kubelet",
                f"--cert-dir={folder}/certificates",
            ],
            folder / "kubelet.log",
            lambda: plane.answers(f"/api/v1/nodes/{name}/proxy/healthz"),
        )

    def start(self) -> None:
        self._group.make()
        self.containerd.start()
        for image in self._images:
            self.take(image)
        self.kubelet.start()

    def take(self, image: Path) -> None:
        """The images of an archive: its containers can start from them."""
        subprocess.run([*self._ctr, "images", "import", "--local", image], check=True, capture_output=True)

    def stop(self) -> None:
        """With every container that is left."""
        self.kubelet.stop()
        self._end_containers()
        self.containerd.stop()
        for mount in reversed(self._mounts()):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
        self._group.remove()

    def lose(self) -> None:
        """As when its machine loses power: all that runs there ends at once, and nobody is told."""
        self.kubelet.kill()
        self._end_containers()
        self.containerd.kill()

    def restart(self) -> None:
        """As when its machine is restarted: nothing runs there that did, and nobody has seen how it ended."""
        self.kubelet.kill()
        self.containerd.kill()
        for shim in self._shims():
            for process in (shim, *shim.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.containerd.start()
        self.kubelet.start()

    def _shims(self) -> list[psutil.Process]:
        """The processes that hold containers, one for each pod."""
        own = {"-address", str(self._socket)}
        return [each for each in psutil.process_iter(["cmdline"]) if own <= set(each.info["cmdline"] or ())]

    def _end_containers(self) -> None:
        for task in self._listed("tasks"):
            self._run("tasks", "kill", "--signal=SIGKILL", task)
        for task in self._listed("tasks"):
            self._run("tasks", "delete", "--force", task)

    def _listed(self, what: str) -> list[str]:
        done = subprocess.run([*self._ctr, what, "list", "--quiet"], capture_output=True, text=True, check=False)
        return done.stdout.split()

    def _run(self, *arguments: str) -> bool:
        return subprocess.run([*self._ctr, *arguments], capture_output=True, check=False).returncode == 0

    def _mounts(self) -> list[str]:
        lines = Path("/proc/self/mounts").read_text().splitlines()
        return [place for place in (line.split()[1] for line in lines) if place.startswith(f"{self._folder}/")]

    def _write_containerd(self) -> Path:
        self._network.write_configuration(self._folder / "network", self._folder.parent / "leases")
        file = self._folder / "containerd.toml"
        file.write_text(_CONTAINERD.format(folder=self._folder, socket=self._socket, plugins=PLUGINS, sandbox=SANDBOX))
        return file

    def _credentials(self) -> Path:
        certificate, key = self._plane.certificate(f"system:node:{self.name}", organization="system:nodes")
        user = {"client-certificate": str(certificate), "client-key": str(key)}
        return self._plane.write_kubeconfig(self.name, user)

    def _write_kubelet(self) -> Path:
        file = self._folder / "kubelet.yaml"
        certificate, key = self._plane.certificate(f"kubelet-of-{self.name}", self._network.address)
        document = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self._network.address,
            "tlsCertFile": str(certificate),
            "tlsPrivateKeyFile": str(key),
            "port": free_port(),
            "healthzPort": 0,
            "containerRuntimeEndpoint": f"unix://{self._socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self._group.path,
            "failCgroupV1": False,
            "failSwapOn": False,
            "maxOpenFiles": 20_000,
            "enforceNodeAllocatable": [],
            "evictionHard": {"memory.available": "1Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(self._plane.folder / "ca.pem")},
            },
            "authorization": {"mode": "Webhook"},
            "clusterDNS": [],
            "nodeStatusUpdateFrequency": "2s",
            "nodeLeaseDurationSeconds": 10,
            "syncFrequency": "10s",
            "podLogsDir": str(self._folder / "logs"),
            "volumePluginDir": str(self._folder / "plugins"),
            "registerNode": True,
            "imageGCHighThresholdPercent": 100,
            "singleProcessOOMKill": True,
            "runtimeRequestTimeout": "60s",
        }
        file.write_text(yaml.safe_dump(document))
        return file
