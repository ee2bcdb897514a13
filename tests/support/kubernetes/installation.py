"""The chart installed on the tests' own cluster, as an operator would: NATS and MongoDB beside it, given by URL.

The cluster has no name server and no proxy for addresses of services, so pods are asked at their own addresses.
"""

import base64
import secrets
import ssl
from pathlib import Path

import httpx

from shared.ids import new_id
from tests.support.accounts import AccountsServer
from tests.support.deployed import Deployed
from tests.support.kubernetes.cluster import IMAGE, Cluster
from tests.support.kubernetes.control_plane import TOKEN
from tests.support.kubernetes.helm import CHART, Document, Values, helm, merged
from tests.support.kubernetes.services_image import REPOSITORY, TAG
from tests.support.kubernetes.storage import claim, document, share, volume
from tests.support.mongo import MongoServer
from tests.support.waiting import LONG_S, seen, wait_until

USER = 10_001
HOST = "yard.example.org"
DOOR = "doors.example.org"
STORAGE = "storage"
SERVICES = ("gateway", "jobs", "scheduler", "endpoints", "metrics", "notify", "logs", "executor")
READY_S = 400.0
"""Eight processes start at one time, on what a machine of the tests has."""


class Installation(Deployed):
    """A release `jobyard` in a namespace of its own; the virtual cluster `default` has another one."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        super().__init__(HOST)
        self._cluster = cluster
        self._folder = folder
        mark = new_id()[-8:].lower()
        self.namespace = f"yard-{mark}"
        self.prefix = f"runs-{mark}-"
        self.runs = f"{self.prefix}default"
        self.account = f"system:serviceaccount:{self.namespace}:jobyard-executor"
        self._password = secrets.token_urlsafe(18)
        self.nats = AccountsServer(host=cluster.network.address)
        self.mongo = MongoServer(host=cluster.network.address)
        trust = ssl.create_default_context(cafile=str(cluster.plane.folder / "ca.pem"))
        self.api = httpx.Client(
            base_url=cluster.plane.url,
            headers={"Authorization": f"Bearer {TOKEN}"},
            verify=trust,
            timeout=60,
            trust_env=False,
        )
        self.audit = cluster.plane.audit

    def prepare(self) -> None:
        """What has to be there before: namespaces, Secrets, claims, NATS and MongoDB."""
        self.nats.start()
        self.mongo.start()
        for name in (self.namespace, self.runs):
            self.create("/api/v1/namespaces", document("Namespace", name))
        self._level(self.namespace)
        self._secret("jobyard-nats", self.nats.passwords)
        self._secret("jobyard-mongo", {"url": self.mongo.url})
        self._secret("jobyard-keys", {"secret-key": base64.b64encode(secrets.token_bytes(32)).decode()})
        self._secret("jobyard-admin", {"password": self._password})
        for namespace in (self.namespace, self.runs):
            self._volume(namespace, "jobyard", STORAGE, "ReadWriteMany")
            claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
            self.create(claims, claim("jobyard", f"{namespace}-jobyard"))
        for name in ("data-jobyard-logs-0", "data-jobyard-executor-0"):
            self._volume(self.namespace, name, name, "ReadWriteOnce")

    def values(self, more: Values | None = None) -> Values:
        """One replica of each, with little of the machine."""
        one = {"replicas": 1, "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "1Gi"}}}
        disk = {"disk": {"size": "1Gi", "storageClass": "-"}}
        own = {
            "image": {"repository": REPOSITORY, "tag": TAG, "pullPolicy": "Never"},
            "nats": {"servers": [f"{self.nats.host}:{self.nats.port}"], "secret": "jobyard-nats", "tls": False},
            "mongo": {"secret": "jobyard-mongo"},
            "secretKey": {"secret": "jobyard-keys"},
            "admin": {"secret": "jobyard-admin"},
            "storage": {"claim": "jobyard"},
            "runs": {"image": IMAGE, "pullPolicy": "Never", "namespacePrefix": self.prefix, "limitCpus": False},
            "services": {name: one | (disk if name in ("logs", "executor") else {}) for name in SERVICES},
            "ingress": {
                "enabled": True,
                "host": HOST,
                "tlsSecret": "a",
                "doorHost": DOOR,
                "doorTlsSecret": "b",
                "proxies": ["192.0.2.0/24"],
            },
        }
        return merged(own, more or {})

    def install(self, values: Values | None = None) -> None:
        """Or upgrade; return when every pod is ready."""
        where = ("--namespace", self.namespace, "--take-ownership", "--wait", f"--timeout={READY_S:.0f}s")
        command = ("upgrade", "--install", "jobyard", CHART, *where)
        helm(*command, values=self.values(values), kubeconfig=self._cluster.kubeconfig)
        wait_until(self.is_ready, "the gateway says that every service is there", within=READY_S)

    def uninstall(self) -> None:
        """Return when no pod of the services is left."""
        where = ("--namespace", self.namespace)
        helm("uninstall", "jobyard", *where, "--wait", kubeconfig=self._cluster.kubeconfig)
        wait_until(lambda: not self.pods(), "no pod is left", within=LONG_S * 2)

    def is_ready(self) -> bool:
        try:
            return self.http.get(f"{self.url()}/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def password(self) -> str:
        return self._password

    def url(self) -> str:
        """Of a gateway that is ready, once there is one."""
        pods = seen(lambda: [*filter(is_ready, self.pods("gateway"))], bool, "a gateway is ready", within=READY_S)
        return f"http://{pods[0]['status']['podIP']}:8080"

    def pods(self, service: str | None = None) -> list[Document]:
        """Of the services, or of one; those that are going too."""
        selector = "app.kubernetes.io/instance=jobyard"
        selector += f",app.kubernetes.io/component={service}" if service else ""
        return self.items(f"/api/v1/namespaces/{self.namespace}/pods", labelSelector=selector)

    def job_path(self, id: str) -> Path:
        return self._folder / STORAGE / "jobs" / id

    # --- as an operator

    def create(self, path: str, made: Document) -> None:
        answer = self.api.post(path, json=made)
        assert answer.status_code == 201, answer.text

    def items(self, path: str, **query: str) -> list[Document]:
        answer = self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found: list[Document] = answer.json()["items"]
        return found

    def close(self) -> None:
        """Nothing of it stays in the cluster."""
        for pod in self.items(f"/api/v1/namespaces/{self.runs}/pods"):
            path = f"/api/v1/namespaces/{self.runs}/pods/{pod['metadata']['name']}"
            merge = {"Content-Type": "application/merge-patch+json"}
            self.api.patch(path, json={"metadata": {"finalizers": None}}, headers=merge)
        for namespace in (self.runs, self.namespace):
            self.api.delete(f"/api/v1/namespaces/{namespace}")
        for made in self.items("/api/v1/persistentvolumes"):
            if made["metadata"]["name"].startswith((self.namespace, self.runs)):
                self.api.delete(f"/api/v1/persistentvolumes/{made['metadata']['name']}")
        self.api.close()
        self.http.close()
        self.mongo.stop()
        self.nats.stop()

    def _level(self, namespace: str) -> None:
        """The API server refuses pods there that are not of the restricted level."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        merge = {"Content-Type": "application/merge-patch+json"}
        answer = self.api.patch(f"/api/v1/namespaces/{namespace}", json={"metadata": {"labels": labels}}, headers=merge)
        assert answer.status_code == 200, answer.text

    def _secret(self, name: str, values: dict[str, str]) -> None:
        made = document("Secret", name) | {"stringData": values}
        self.create(f"/api/v1/namespaces/{self.namespace}/secrets", made)

    def _volume(self, namespace: str, claim: str, name: str, mode: str) -> None:
        """The folder of that name, for that claim alone."""
        share(self._folder / name)
        made = volume(f"{namespace}-{claim}", self._folder / name, namespace, claim, mode)
        self.create("/api/v1/persistentvolumes", made)


def is_ready(pod: Document) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]
