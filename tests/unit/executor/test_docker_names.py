"""By its name a container is found again, by this backend alone."""

from services.executor.backends.docker.names import name_of, network_of, run_of


def test_a_name_leads_back_to_its_run_and_no_strangers_name_does() -> None:
    assert run_of("home-1", name_of("home-1", "JOB.1-3")) == "JOB.1-3"
    assert run_of("home-2", name_of("home-1", "JOB.1-3")) is None
    assert run_of("home-1", "postgres") is None


def test_all_ranks_of_a_run_name_the_same_network_and_no_other_home_does() -> None:
    assert network_of("home-1", "JOB.1") == network_of("home-1", "JOB.1-3")
    assert network_of("home-1", "JOB.1") not in (network_of("home-1", "JOB.2"), network_of("home-2", "JOB.1"))
