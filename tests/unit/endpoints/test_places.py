"""Where people are told to find an endpoint: at the doors as they reach them, wherever these listen."""

from typing import Any

import pytest

from services.endpoints.domain.places import Places
from services.endpoints.settings import EndpointsSettings
from shared.contracts.endpoints import EndpointKind
from tests.support.endpoints import JOB, endpoint


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, f"ssh -p 2222 {JOB}@127.0.0.1"),
        ({"ssh_port": 2022, "ssh_host": "ssh.lab"}, f"ssh -p 2022 {JOB}@ssh.lab"),
        ({"ssh_host": "ssh.lab", "ssh_public_port": 2022}, f"ssh -p 2022 {JOB}@ssh.lab"),
        ({"ssh_host": "ssh.lab", "ssh_public_port": 22}, f"ssh {JOB}@ssh.lab"),
        ({"ssh_public_port": 0}, f"jobyard ssh {JOB}"),
        ({"ssh_port": 0, "ssh_public_port": 22}, f"jobyard ssh {JOB}"),
    ],
)
def test_the_ssh_line_has_the_port_that_people_reach(settings: dict[str, Any], line: str) -> None:
    chosen = EndpointsSettings(**settings)
    assert Places(None, chosen.ssh_name, chosen.ssh_shown).command(endpoint()) == line


def test_each_line_leads_to_its_rank() -> None:
    ssh, port = endpoint(rank=3), endpoint(name="port-8080", kind=EndpointKind.PORT, port=8080, rank=3)
    assert Places(None, "ssh.lab", 22).command(ssh) == f"ssh {JOB}.3@ssh.lab"
    assert Places(None, "ssh.lab", 0).command(ssh) == f"jobyard ssh {JOB} --rank 3"
    assert Places(None, "ssh.lab", 0).command(port) == f"jobyard port-forward {JOB} 8080 --rank 3"


def test_a_door_that_is_shut_has_no_address() -> None:
    assert EndpointsSettings(http_port=0, public_url="https://jobs.lab").door is None
    assert EndpointsSettings(public_url="https://jobs.lab/").door == "https://jobs.lab"
    assert EndpointsSettings(host="127.0.0.1", http_port=8081).door == "http://127.0.0.1:8081"
