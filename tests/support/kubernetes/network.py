"""A bridge of a test cluster's own: the nodes' address, and the network that their pods are in."""

import json
import random
import subprocess
from pathlib import Path

PLUGINS = Path("/usr/lib/cni")


class Network:
    """A bridge with a subnet that nothing on this machine uses."""

    def __init__(self) -> None:
        used = subprocess.run(["ip", "-brief", "address"], capture_output=True, text=True, check=True).stdout
        number = random.choice([n for n in range(256) if f" 10.199.{n}.1/" not in used])
        self.bridge = f"jobyard{number}"
        self.subnet = f"10.199.{number}.0/24"
        self.address = f"10.199.{number}.1"
        self._forwarded: list[str] = []

    def open(self) -> None:
        for command in (
            f"ip link add {self.bridge} type bridge",
            f"ip address add {self.address}/24 dev {self.bridge}",
            f"ip link set {self.bridge} up",
            f"iptables -w -I FORWARD -i {self.bridge} -j ACCEPT",
            f"iptables -w -I FORWARD -o {self.bridge} -j ACCEPT",
        ):
            subprocess.run(command.split(), check=True, capture_output=True)

    def forward(self, service: str, port: int, to: int) -> None:
        """What pods ask of that port of a service's address is answered by this machine's port `to`, at `address`."""
        rule = f"PREROUTING -i {self.bridge} -d {service} -p tcp --dport {port}"
        rule += f" -j DNAT --to-destination {self.address}:{to}"
        subprocess.run(f"iptables -w -t nat -I {rule}".split(), check=True, capture_output=True)
        self._forwarded.append(f"iptables -w -t nat -D {rule}")

    def close(self) -> None:
        for command in (
            *self._forwarded,
            f"iptables -w -D FORWARD -i {self.bridge} -j ACCEPT",
            f"iptables -w -D FORWARD -o {self.bridge} -j ACCEPT",
            f"ip link delete {self.bridge}",
        ):
            subprocess.run(command.split(), check=False, capture_output=True)

    def write_configuration(self, folder: Path, leases: Path) -> None:
        """For containerd, which has a pod's interface made as it says. `leases`: which addresses are given out, by all
        nodes of the network.
        """
        folder.mkdir(parents=True, exist_ok=True)
        plugin = {
            "type": "bridge",
            "bridge": self.bridge,
            "isGateway": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": self.subnet, "gateway": self.address}]],
                "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": str(leases),
            },
        }
        document = {"cniVersion": "1.0.0", "name": self.bridge, "plugins": [plugin]}
        (folder / "10-bridge.conflist").write_text(json.dumps(document))
