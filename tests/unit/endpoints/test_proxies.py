"""Whose word for where a request comes from is believed."""

import pytest

from services.endpoints.domain.origins import Names
from services.endpoints.domain.proxies import Proxies
from services.endpoints.domain.visits import address_of
from services.endpoints.settings import EndpointsSettings
from shared.wrong_settings import WrongSettings

PROXIES = Proxies(["192.0.2.7", "10.1.0.0/16", "fd00::/8"])


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.1.255.1", "fd00::7"])
def test_an_address_is_a_proxy_s_by_itself_or_within_a_network(peer: str) -> None:
    assert peer in PROXIES
    assert Names((), proxies=PROXIES).source(peer, {"X-Forwarded-For": "203.0.113.9, 10.1.0.2"}) == "203.0.113.9"
    assert address_of(f"198.51.100.4, 203.0.113.9, 10.1.0.2, {peer}", PROXIES) == "203.0.113.9"


@pytest.mark.parametrize("peer", ["192.0.2.8", "10.2.0.1", "fe80::1", "unknown", "10.1.0.0/16", "", None])
def test_nobody_else_is_believed(peer: str | None) -> None:
    assert peer not in PROXIES
    assert "10.1.0.1" not in Proxies()
    said = {"X-Forwarded-Host": "evil.example", "Host": "doors.lab"}
    assert Names((), proxies=PROXIES).host(peer, said) == "doors.lab"


@pytest.mark.parametrize("named", ["10.1.0.7/16", "ingress.lab", "10.1.0.0/33"])
def test_what_is_no_address_and_no_network_is_refused_at_the_start(named: str) -> None:
    with pytest.raises(WrongSettings, match="JOBYARD_ENDPOINTS_TRUSTED_PROXIES"):
        EndpointsSettings(trusted_proxies=(named,))
