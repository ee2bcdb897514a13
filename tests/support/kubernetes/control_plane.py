"""A real Kubernetes control plane for a test: etcd, API server, scheduler and controllers, on free ports."""

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.kubernetes.daemon import Daemon
from tests.support.kubernetes.programs import program
from tests.support.ports import free_port

TOKEN = "a-token-of-the-tests"
SERVICE = "10.96.0.1"
"""The address of the service `kubernetes`, which pods are given."""
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ],
}
"""What service accounts ask for, but for those of the cluster's own controllers."""
_ADMIN = "system:masters"


class ControlPlane:
    """In `folder`, until `stop`. `KUBECONFIG` (`kubeconfig`) is an administrator's.

    `address`: where the API server listens, and pods reach it if it is not the loopback's.
    `users`: whom else it knows, with their groups. `more`: arguments of its programs beside those here, by their names.
    """

    def __init__(
        self,
        folder: Path,
        address: str = "127.0.0.1",
        users: Mapping[str, str] | None = None,
        more: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.folder = folder
        self._users = {"admin": _ADMIN, **(users or {})}
        self._more = more or {}
        self.ca = trustme.CA()
        self._address = address
        self.url = f"https://{address}:{free_port()}"
        self.audit = folder / "audit.jsonl"
        self.kubeconfig = folder / "admin.kubeconfig"
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        self._ca_file = folder / "ca.pem"
        self._write_credentials()
        self._trust = ssl.create_default_context(cafile=str(self._ca_file))
        self.etcd = self._daemon("etcd", self._etcd_arguments(), lambda: _answers(f"{self._etcd_url}/health"))
        self.api_server = self._daemon("kube-apiserver", self._api_server_arguments(), lambda: self.answers("/readyz"))
        self.scheduler = self._controller("kube-scheduler", [])
        self.controllers = self._controller(
            "kube-controller-manager",
            [
                f"--root-ca-file={self._ca_file}",
                f"--service-account-private-key-file={self.folder}/accounts.key",
                "--use-service-account-credentials=true",
                "--node-monitor-period=1s",
                "--node-monitor-grace-period=12s",
            ],
        )

    def start(self) -> None:
        """Return when the API server is ready; the others find it by themselves."""
        self.etcd.start()
        self.api_server.start()
        self.scheduler.begin()
        self.controllers.begin()
        self.scheduler.wait()
        self.controllers.wait()

    def stop(self) -> None:
        for daemon in (self.controllers, self.scheduler, self.api_server, self.etcd):
            daemon.stop()

    def answers(self, path: str) -> bool:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {TOKEN}"})
        return _answers(request, self._trust)

    def token_of(self, user: str) -> str:
        return TOKEN if user == "admin" else f"{TOKEN}-{user}"

    def write_kubeconfig(self, name: str, user: dict[str, str]) -> Path:
        """A kubeconfig for somebody: what `users[].user` holds."""
        path = self.folder / f"{name}.kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self._ca_file)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "current-context": "test",
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def certificate(self, name: str, *addresses: str, organization: str | None = None) -> tuple[Path, Path]:
        """The files of a certificate of this cluster's authority, and of its key."""
        hosts = addresses or ("nobody.invalid",)
        issued = self.ca.issue_cert(*hosts, common_name=name, organization_name=organization)
        file = self.folder / name.replace(":", "-")
        certificate, key = file.with_suffix(".crt"), file.with_suffix(".key")
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return certificate, key

    # --- how each is started

    def _daemon(self, name: str, arguments: list[str], ready: object) -> Daemon:
        given = [program(name), *arguments, *self._more.get(name, ())]
        return Daemon(given, self.folder / f"{name}.log", ready)  # type: ignore[arg-type]

    def _controller(self, name: str, arguments: list[str]) -> Daemon:
        port = free_port()
        given = [
            f"--kubeconfig={self.kubeconfig}",
            f"--authentication-kubeconfig={self.kubeconfig}",
            f"--authorization-kubeconfig={self.kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self.folder / name}",
            "--leader-elect=false",
            *arguments,
        ]
        untrusted = ssl._create_unverified_context()
        return self._daemon(name, given, lambda: _answers(f"https://127.0.0.1:{port}/healthz", untrusted))

    def _etcd_arguments(self) -> list[str]:
        peers = f"http://127.0.0.1:{free_port()}"
        return [
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
        ]

    def _api_server_arguments(self) -> list[str]:
        certificate, key = self.certificate("api-server", self._address, "localhost", SERVICE)
        client, client_key = self.certificate("api-server-to-kubelet", organization=_ADMIN)
        return [
            f"--etcd-servers={self._etcd_url}",
            f"--bind-address={self._address}",
            f"--advertise-address={self._address}",
            "--endpoint-reconciler-type=none",
            f"--secure-port={self.url.rpartition(':')[2]}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={self._ca_file}",
            f"--kubelet-client-certificate={client}",
            f"--kubelet-client-key={client_key}",
            f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder}/accounts.pub",
            f"--service-account-signing-key-file={self.folder}/accounts.key",
            "--kubelet-preferred-address-types=InternalIP",
            f"--audit-policy-file={self.folder}/audit.yaml",
            f"--audit-log-path={self.audit}",
            "--profiling=false",
        ]

    def _write_credentials(self) -> None:
        self._ca_file.write_bytes(self.ca.cert_pem.bytes())
        (self.folder / "audit.yaml").write_text(yaml.safe_dump(_AUDIT))
        known = (f'{self.token_of(user)},{user},{user},"{group}"\n' for user, group in self._users.items())
        (self.folder / "tokens.csv").write_text("".join(known))
        self.kubeconfig = self.write_kubeconfig("admin", {"token": TOKEN})
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        (self.folder / "accounts.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (self.folder / "accounts.pub").write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )


def _answers(request: urllib.request.Request | str, trust: ssl.SSLContext | None = None) -> bool:
    try:
        with urllib.request.urlopen(request, timeout=5, context=trust) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
