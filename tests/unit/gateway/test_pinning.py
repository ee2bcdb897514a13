"""Images at submission: pinned where the registry says what a tag is, submitted as named where it does not."""

import asyncio
import ipaddress
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from services.gateway.domain.access import Role
from services.gateway.domain.registries import named
from services.gateway.registries.logins import KnownLogin, Logins
from services.gateway.registries.pinning import AT_ONCE_PER_VC, Pinning
from services.gateway.registries.registry import Login, NoDigest, RegistryApi
from services.gateway.settings import GatewaySettings
from shared.clock import SystemClock
from shared.contracts.cluster import Offer
from shared.contracts.commands.cluster import OFFER
from shared.contracts.images import HUB, ImageName, image_name
from shared.wrong_settings import WrongSettings
from tests.support.gateway import Gateway, gateway
from tests.support.ports import free_port
from tests.support.registry_double import DIGEST, PASSWORD, TOKEN, USER, Manner, RegistryDouble, basic
from tests.support.waiting import until

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def registry() -> Iterator[RegistryDouble]:
    with RegistryDouble() as double:
        yield double


@pytest.fixture
async def lab(registry: RegistryDouble, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that may ask the registry, and ada, who administers the VC `lab`."""
    async with opened(tmp_path, registry) as yard:
        yield yard


@asynccontextmanager
async def opened(folder: Path, registry: RegistryDouble, **settings: Any) -> AsyncIterator[Gateway]:
    """The same with other settings."""
    allowed = {"registries": (f"http://{registry.name}",), "registry_networks": LOOPBACK}
    async with gateway(folder, **(allowed | settings)) as yard:
        yard.bus.answers[OFFER.subject] = lambda ask: Offer(devices=(), uses_images=True)
        assert (await yard.call("POST", "/vcs", json={"name": "lab"})).status_code == 201
        await yard.add_account("ada", vcs={"lab": Role.ADMIN})
        await yard.add_account("bob", vcs=("lab",))
        yield yard


async def submitted(yard: Gateway, image: str | None, who: str = "ada", **fields: Any) -> dict[str, Any]:
    body = {"name": "train", "command": "true", "vc": "lab", "image": image} | fields
    answer = await yard.call("POST", "/jobs", who, json=body)
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def log_in(yard: Gateway, registry: str, password: str = PASSWORD, who: str = "ada") -> None:
    body = {"username": USER, "password": password}
    answer = await yard.call("PUT", f"/vcs/lab/registries/{registry}", who, json=body)
    assert answer.status_code in (200, 201), answer.text


def code(job: dict[str, Any]) -> str | None:
    """Why the image is not pinned; none if it is."""
    unpinned = job["run_image"]["unpinned"]
    return None if unpinned is None else str(unpinned["code"])


# --- what a tag means


async def test_a_tag_is_pinned_and_what_was_asked_for_stays(lab: Gateway, registry: RegistryDouble) -> None:
    job = await submitted(lab, f"{registry.name}/team/train:3")
    assert job["image"] == f"{registry.name}/team/train:3"
    assert job["run_image"] == {
        "reference": f"{registry.name}/team/train@{DIGEST}",
        "of_vc": False,
        "unpinned": None,
        "login": None,
    }
    [asked] = registry.asked
    assert (asked.method, asked.path) == ("HEAD", "/v2/team/train/manifests/3")
    assert "application/vnd.oci.image.index.v1+json" in asked.headers["accept"]


async def test_a_registry_is_asked_once_for_the_images_of_a_batch_and_the_same_job_sees_the_same(
    lab: Gateway, registry: RegistryDouble
) -> None:
    one = {"name": "train", "command": "true", "vc": "lab", "image": f"{registry.name}/team/train:3"}
    answer = await lab.call("POST", "/jobs:submit-batch", "ada", json={"jobs": [one] * 20})
    assert answer.status_code == 207, answer.text
    references = {job.run_image.reference for job in lab.bus.jobs.values() if job.run_image is not None}
    assert references == {f"{registry.name}/team/train@{DIGEST}"}
    assert len(registry.asked) == 1


async def test_jobs_without_an_image_and_those_that_name_a_digest_ask_nobody(
    lab: Gateway, registry: RegistryDouble
) -> None:
    assert "run_image" not in await submitted(lab, None)
    job = await submitted(lab, f"{registry.name}/team/train:3@{DIGEST}")
    assert job["run_image"]["reference"] == f"{registry.name}/team/train@{DIGEST}"
    assert registry.asked == []


async def test_a_check_while_somebody_types_asks_no_registry(lab: Gateway, registry: RegistryDouble) -> None:
    body = {"name": "train", "command": "true", "vc": "lab", "image": f"{registry.name}/team/train:3"}
    await lab.call("POST", "/jobs/validate", "ada", json=body)
    assert registry.asked == []


async def test_while_no_node_uses_images_no_registry_is_asked(lab: Gateway, registry: RegistryDouble) -> None:
    lab.bus.answers[OFFER.subject] = lambda ask: Offer(devices=(), uses_images=False)
    assert code(await submitted(lab, f"{registry.name}/team/train:3")) == "images_not_used"
    assert registry.asked == []


# --- a virtual cluster's own


async def test_a_clusters_default_image_is_that_of_jobs_that_name_none(lab: Gateway, registry: RegistryDouble) -> None:
    image = f"{registry.name}/team/train:3"
    assert (await lab.call("PATCH", "/vcs/lab", "ada", json={"image": image})).status_code == 403
    assert (await lab.call("PATCH", "/vcs/lab", json={"image": image})).json()["image"] == image
    lab.clock.advance(10)
    job = await submitted(lab, None)
    assert job["image"] is None
    assert job["run_image"]["reference"] == f"{registry.name}/team/train@{DIGEST}"
    assert job["run_image"]["of_vc"] is True
    own = await submitted(lab, f"{registry.name}/team/train@{DIGEST}")
    assert own["run_image"]["of_vc"] is False
    assert (await lab.call("PATCH", "/vcs/lab", json={"image": None})).json()["image"] is None


@pytest.mark.parametrize("way", ["basic", "bearer"])
async def test_a_registry_is_asked_with_the_clusters_credentials(
    lab: Gateway, registry: RegistryDouble, way: str
) -> None:
    registry.manner = Manner(way)
    assert code(await submitted(lab, f"{registry.name}/team/train:3")) == "image_denied"
    await log_in(lab, registry.name)
    job = await submitted(lab, f"{registry.name}/team/train:3")
    assert job["run_image"]["reference"] == f"{registry.name}/team/train@{DIGEST}"
    assert job["run_image"]["login"] == registry.name
    said = {asked.headers.get("authorization") for asked in registry.asked[1:]}
    assert said <= {None, basic(), f"Bearer {TOKEN}"} and basic() in said


async def test_new_credentials_count_at_once(lab: Gateway, registry: RegistryDouble) -> None:
    registry.manner = Manner("basic")
    await log_in(lab, registry.name, "wrong")
    assert code(await submitted(lab, f"{registry.name}/team/train:3")) == "image_denied"
    await log_in(lab, registry.name)
    assert code(await submitted(lab, f"{registry.name}/team/train:3")) is None


async def test_credentials_are_set_listed_and_removed_by_administrators_and_never_shown(
    lab: Gateway, registry: RegistryDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path, body = "/vcs/lab/registries/Registry.Lab:5000", {"username": USER, "password": PASSWORD}
    await lab.add_account("eve")
    assert (await lab.call("PUT", path, "bob", json=body)).status_code == 403
    assert (await lab.call("PUT", path, "eve", json=body)).status_code == 404
    assert (await lab.call("PUT", "/vcs/nowhere/registries/quay.io", json=body)).status_code == 404
    new = await lab.call("PUT", path, "ada", json=body)
    assert (new.status_code, new.json()["registry"], new.json()["updated_by"]) == (201, "registry.lab:5000", "ada")
    assert (await lab.call("PUT", path, json=body)).status_code == 200
    listed = await lab.call("GET", "/vcs/lab/registries", "bob")
    assert [item["registry"] for item in listed.json()["items"]] == ["registry.lab:5000"]
    assert (await lab.call("GET", "/vcs/lab/registries", "eve")).status_code == 404
    assert (await lab.call("DELETE", path, "bob")).status_code == 403
    assert (await lab.call("DELETE", path, "ada")).status_code == 204
    assert (await lab.call("DELETE", path, "ada")).status_code == 404
    audit = await lab.call("GET", "/audit", params={"target": "secret/registries:lab/registry.lab:5000"})
    assert [entry["action"] for entry in audit.json()["items"]] == ["secret.removed", "secret.set", "secret.set"]
    stored = b"".join(file.read_bytes() for file in lab.data.rglob("*") if file.is_file())
    for text in (new.text, listed.text, audit.text, caplog.text, stored.decode("latin-1")):
        assert PASSWORD not in text


NO_CREDENTIALS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("reg istry", {"username": "a", "password": "b"}),
    ("a%2Fb", {"username": "a", "password": "b"}),
    ("registry.lab:99999", {"username": "a", "password": "b"}),
    ("quay.io", {"username": "a:b", "password": "c"}),
    ("quay.io", {"username": "a\nb", "password": "c"}),
    ("quay.io", {"username": "a", "password": "c\r\nHost: x"}),
    ("quay.io", {"username": "", "password": "c"}),
    ("quay.io", {"username": "a"}),
    ("quay.io", {"username": "a", "password": "c" * 20_000}),
    ("quay.io", {"username": {"$ne": None}, "password": "c"}),
    ("quay.io", {"username": "a", "password": "c", "more": 1}),
)


async def test_what_are_no_credentials_is_refused_and_nothing_is_kept(lab: Gateway) -> None:
    for name, body in NO_CREDENTIALS:
        answer = await lab.call("PUT", f"/vcs/lab/registries/{name}", "ada", json=body)
        assert answer.status_code in (404, 422), (name, body, answer.text)
    assert (await lab.call("GET", "/vcs/lab/registries", "ada")).json() == {"items": []}


async def test_no_job_can_name_a_clusters_credentials_as_its_secret(lab: Gateway, registry: RegistryDouble) -> None:
    await log_in(lab, "quay.io")
    body = {"name": "t", "command": "true", "vc": "lab", "env": {"X": {"secret": "quay.io"}}}
    assert (await lab.call("POST", "/jobs", "ada", json=body)).status_code == 422
    assert (await lab.call("GET", "/vcs/lab/secrets", "ada")).json() == {"items": []}


# --- where nothing is said


ANSWERS = (
    (Manner(images=()), "image_unknown"),
    (Manner(status=500), "registry_away"),
    (Manner(status=429), "registry_busy"),
    (
        Manner(status=302, headers={"Location": "http://127.0.0.1:1/", "Docker-Content-Digest": DIGEST}),
        "registry_away",
    ),
    (Manner(digest="sha256:../../x"), "registry_away"),
    (Manner("bearer", realm="http://127.0.0.2/token"), "image_denied"),
    (Manner("bearer", realm="https://169.254.169.254/latest"), "image_denied"),
    (Manner("bearer", realm="file:///etc/passwd"), "image_denied"),
    (Manner("bearer", token=b"{" + b" " * 100_000), "registry_away"),
    (Manner("bearer", token=b'{"token": "a\\r\\nHost: x"}'), "registry_away"),
    (Manner("bearer", token=b"[1]"), "registry_away"),
)
"""What a registry may say, and what is said of it."""


async def test_whatever_a_registry_answers_the_job_is_submitted_as_it_was_named(
    lab: Gateway, registry: RegistryDouble
) -> None:
    await log_in(lab, registry.name)
    for manner, expected in ANSWERS:
        lab.clock.advance(60)
        registry.manner = manner
        job = await submitted(lab, f"{registry.name}/team/train:3")
        assert code(job) == expected, manner
        assert job["run_image"]["reference"] == f"{registry.name}/team/train:3"
        assert PASSWORD not in str(job)


async def test_a_registry_that_does_not_answer_is_left_alone_for_a_while(
    registry: RegistryDouble, tmp_path: Path
) -> None:
    async with opened(tmp_path, registry, registry_timeout_s=1.0) as yard:
        registry.speaking.clear()
        assert code(await submitted(yard, f"{registry.name}/team/train:3")) == "registry_away"
        registry.speaking.set()
        assert code(await submitted(yard, f"{registry.name}/team/train:4")) == "registry_away"
        assert not any("/manifests/4" in asked.path for asked in registry.asked)

        async def answered() -> bool:
            yard.clock.advance(60)
            return code(await submitted(yard, f"{registry.name}/team/train:3")) is None

        await until(answered, "it is asked again, and answers")


async def test_a_tag_that_was_moved_means_the_other_image_at_once(lab: Gateway, registry: RegistryDouble) -> None:
    for digest in (DIGEST, f"sha256:{'2b' * 32}"):
        registry.manner = Manner(digest=digest)
        job = await submitted(lab, f"{registry.name}/team/train:3")
        assert job["run_image"]["reference"] == f"{registry.name}/team/train@{digest}"


async def test_who_waits_for_a_registry_keeps_nobody_else_from_submitting(
    lab: Gateway, registry: RegistryDouble
) -> None:
    registry.speaking.clear()
    waiting = asyncio.create_task(submitted(lab, f"{registry.name}/team/train:3"))
    await until(lambda: registry.asked, "the registry is asked")
    assert "run_image" not in await submitted(lab, None)
    assert not waiting.done()
    registry.speaking.set()
    assert code(await waiting) is None


class Tarpits:
    """A VC's credentials for every registry, none of which ever answers but the hub."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def of(self, vc: str, registry: str) -> KnownLogin:
        return KnownLogin(Login(USER, PASSWORD), 1)

    async def digest(self, image: ImageName, scheme: str, login: Login | None) -> str:
        self.asked.append(image.registry)
        if image.registry != HUB:
            await asyncio.Event().wait()
        return DIGEST

    async def in_use(self) -> bool:
        return True


async def test_registries_that_one_cluster_alone_names_are_in_nobody_elses_way() -> None:
    said = Tarpits()
    logins, api = cast(Logins, said), cast(RegistryApi, said)
    pinning = Pinning(api, logins, {HUB: "https"}, said.in_use, SystemClock(), timeout_s=600)
    async with asyncio.TaskGroup() as group:
        waiting = [
            group.create_task(pinning.of(f"r{number}.example/x:1", None, vc, pinning.request()))
            for number in range(20)
            for vc in ("evil", "worse")
        ]
        await until(lambda: len(said.asked) == 2 * AT_ONCE_PER_VC, "each is asked what it may ask at a time")
        pinned = await pinning.of("train:3", None, "lab", pinning.request())
        assert pinned is not None
        assert pinned.reference.endswith(DIGEST)
        assert len(said.asked) == 2 * AT_ONCE_PER_VC + 1
        for task in waiting:
            task.cancel()


async def test_a_registry_that_nobody_has_allowed_is_not_asked(lab: Gateway) -> None:
    for image in ["169.254.169.254/x:1", "localhost:22/x:1", "evil.example/x:1", "127.0.0.1:9/x:1"]:
        job = await submitted(lab, image)
        assert code(job) == "registry_not_asked"
        assert "JOBYARD_GATEWAY_REGISTRIES" in job["run_image"]["unpinned"]["message"]


async def test_credentials_open_no_way_into_the_platforms_own_network(
    lab: Gateway, registry: RegistryDouble, tmp_path: Path
) -> None:
    """Whoever administers a VC names registries, and is no operator."""
    async with opened(tmp_path / "other", registry, registries=("none",), registry_networks=()) as yard:
        for name in (registry.name, "169.254.169.254", "localhost"):
            await log_in(yard, name)
            body = {"name": "train", "command": "true", "vc": "lab", "image": f"{name}/team/train:3"}
            answer = await yard.call("POST", "/jobs", "ada", json=body)
            assert answer.status_code == 422
            [error] = answer.json()["errors"]
            assert error["field"] == "image" and name in error["message"]
            assert "JOBYARD_GATEWAY_REGISTRY_NETWORKS" in answer.json()["detail"]
            batch = await yard.call("POST", "/jobs:submit-batch", "ada", json={"jobs": [body, body | {"image": None}]})
            assert [one["status"] for one in batch.json()["outcomes"]] == [422, 201]
    assert registry.asked == []


async def test_a_name_that_means_an_inner_address_is_not_asked() -> None:

    async def inner(host: str, port: int) -> Sequence[str]:
        return ["10.0.0.7"]

    with pytest.raises(NoDigest) as caught:
        await RegistryApi((), inner).digest(image_name("registry.example/x:1"), "https", None)
    assert caught.value.code == "registry_refused"
    assert "JOBYARD_GATEWAY_REGISTRY_NETWORKS" in caught.value.said


async def test_a_certificate_that_is_not_trusted_is_no_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with RegistryDouble(tls) as registry:
        image = image_name(f"{registry.name}/team/train:3")
        with pytest.raises(NoDigest) as caught:
            await RegistryApi(LOOPBACK).digest(image, "https", None)
        assert (caught.value.code, caught.value.away) == ("registry_untrusted", False)
        assert "SSL_CERT_FILE" in caught.value.said and "certificate" in caught.value.said
        trusted = tmp_path / "authority.pem"
        authority.cert_pem.write_to_path(str(trusted))
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert await RegistryApi(LOOPBACK).digest(image, "https", None) == DIGEST


async def test_a_registry_without_tls_is_not_taken_for_one_with_a_wrong_certificate(registry: RegistryDouble) -> None:
    with pytest.raises(NoDigest) as caught:
        await RegistryApi(LOOPBACK).digest(image_name(f"{registry.name}/team/train:3"), "https", None)
    assert caught.value.code == "registry_untrusted"
    assert "http://" in caught.value.said and "certificate" not in caught.value.said


@pytest.mark.parametrize("known", [True, False])
async def test_a_name_that_nobody_resolves_is_said_to_be_one(known: bool) -> None:
    async def lookup(host: str, port: int) -> Sequence[str]:
        if not known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return []

    with pytest.raises(NoDigest) as caught:
        await RegistryApi((), lookup).digest(image_name("registry.example/x:1"), "https", None)
    assert (caught.value.code, caught.value.away) == ("registry_unresolved", True)


async def test_a_port_where_nobody_listens_is_away() -> None:
    with pytest.raises(NoDigest) as caught:
        await RegistryApi(LOOPBACK).digest(image_name(f"127.0.0.1:{free_port()}/x:1"), "https", None)
    assert caught.value.code == "registry_away"


def test_the_settings_take_names_of_registries_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_GATEWAY_REGISTRIES", "Quay.io, http://mirror.lab:5000,index.docker.io")
    monkeypatch.setenv("JOBYARD_GATEWAY_REGISTRY_NETWORKS", "10.0.0.0/8,fd00::/8")
    settings = GatewaySettings()
    assert named(settings.registries) == {"quay.io": "https", "mirror.lab:5000": "http", "docker.io": "https"}
    assert len(settings.registry_networks) == 2
    assert named(("none",)) == {}
    for text in ("a b", "http://", "https://quay.io", "quay.io/team"):
        with pytest.raises(WrongSettings):
            GatewaySettings(registries=(text,))
