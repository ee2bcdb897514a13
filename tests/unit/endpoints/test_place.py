"""Which endpoint an address means, and what the program behind it sees of its path."""

import pytest

from services.endpoints.domain.place import Addresses, Place
from tests.support.door import JOB

PATHS = Addresses("https://jobs.example.org")
NAMES = Addresses("https://jobs.example.org:8443", "Jobs.Example.org")


def test_a_path_names_job_and_endpoint() -> None:
    assert PATHS.place_of("jobs.example.org", f"/endpoints/{JOB}/port-8080/a/b") == Place(JOB, "port-8080")
    assert PATHS.place_of("jobs.example.org", f"/endpoints/{JOB}/jupyter") == Place(JOB, "jupyter")
    for path in ("/", "/endpoints", f"/endpoints/{JOB}", f"/endpoints/{JOB}/", f"//endpoints/{JOB}/ssh", "/metrics"):
        assert PATHS.place_of("jobs.example.org", path) is None


def test_a_host_name_names_them_in_lower_case() -> None:
    host = f"{JOB.lower()}-port-8080.jobs.example.org"
    assert NAMES.place_of(host, "/a") == Place(JOB, "port-8080", own_origin=True)
    assert NAMES.place_of("jobs.example.org", f"/endpoints/{JOB}/jupyter/") == Place(JOB, "jupyter")
    for other in (
        "x.jobs.example.org",
        f"{JOB.lower()}.jobs.example.org",
        f"a.{host}",
        f"{JOB.lower()}jobs.example.org",
    ):
        assert NAMES.place_of(other, "/") is None


def test_addresses_that_people_open() -> None:
    assert PATHS.url_of(JOB, "port-8080") == f"https://jobs.example.org/endpoints/{JOB}/port-8080/"
    assert NAMES.url_of(JOB, "port-8080") == f"https://{JOB.lower()}-port-8080.jobs.example.org:8443/"
    assert NAMES.url_of(JOB, "jupyter") == (
        f"https://{JOB.lower()}-jupyter.jobs.example.org:8443/endpoints/{JOB}/jupyter/"
    )


@pytest.mark.parametrize(
    ("place", "browser", "program"),
    [
        (Place(JOB, "port-8080"), f"/endpoints/{JOB}/port-8080/a", "/a"),
        (Place(JOB, "jupyter"), f"/endpoints/{JOB}/jupyter/lab", f"/endpoints/{JOB}/jupyter/lab"),
        (Place(JOB, "port-8080", own_origin=True), "/a", "/a"),
        (
            Place(JOB, "tensorboard", own_origin=True),
            f"/endpoints/{JOB}/tensorboard/",
            f"/endpoints/{JOB}/tensorboard/",
        ),
    ],
)
def test_only_a_port_loses_the_prefix(place: Place, browser: str, program: str) -> None:
    assert place.inside(browser) == program
    assert place.outside(program) == browser
    assert place.outside(browser) == browser
