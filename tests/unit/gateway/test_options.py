"""What a form is told: as much as a submission is really allowed, and no less when somebody does not answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.audited import BY_ITSELF
from services.gateway.domain.access import Role
from services.gateway.domain.bounds import allowance, bounded
from services.gateway.domain.limits import Limit, limits
from services.gateway.domain.policy import VcPolicy
from services.gateway.secrets import of_user, of_vc
from services.notify.domain.target import Policy, kinds, target_of
from shared.contracts.cluster import Offer, OfferedDevices
from shared.contracts.commands.cluster import OFFER
from shared.contracts.commands.support import NOTIFY_KINDS
from shared.contracts.errors import Invalid
from shared.contracts.job import RANKS, JobRequest
from shared.contracts.notify import NotifyKinds
from tests.support.gateway import Gateway, caller

policies = st.builds(
    VcPolicy,
    max_priority=st.none() | st.integers(1, 1000),
    max_duration_s=st.none() | st.integers(1, 315_360_000),
)


def request(**fields: object) -> JobRequest:
    return JobRequest(name="j", command="true", **fields)  # type: ignore[arg-type]


@given(policies, st.booleans())
def test_what_is_said_to_be_allowed_is_allowed_and_what_is_beyond_is_not(policy: VcPolicy, admin: bool) -> None:
    asking = caller("ada", admin=admin)
    said = allowance(asking, policy)
    plain = bounded(asking, request(), policy)
    assert (plain.priority, plain.max_duration_s) == (said.default_priority, said.default_duration_s)
    most = bounded(asking, request(priority=said.max_priority, max_duration_s=said.max_duration_s), policy)
    assert most.priority == said.max_priority
    if said.max_priority < 1000:
        with pytest.raises(Invalid):
            bounded(asking, request(priority=said.max_priority + 1), policy)
    if said.max_duration_s is not None and said.max_duration_s < 315_360_000:
        with pytest.raises(Invalid):
            bounded(asking, request(max_duration_s=said.max_duration_s + 1), policy)


@pytest.mark.parametrize("name", ["nodes", "devices", "cpus", "memory_mib", "priority", "retries", "grace_period_s"])
def test_a_number_at_its_limits_is_taken_and_one_beyond_is_not(name: str) -> None:
    limit = limits()[name]
    device = {"device_type": "v100"} if name == "devices" else {}
    assert limit.maximum is not None
    assert limit.minimum is not None
    assert getattr(request(**{name: limit.maximum, **device}), name) == limit.maximum
    for beyond in (limit.maximum + 1, limit.minimum - 1):
        with pytest.raises(ValueError, match=name):
            request(**{name: beyond, **device})


def test_every_field_that_people_fill_in_has_its_limits() -> None:
    free = {"preemptible", "secrets"}
    assert {name.partition(".")[0] for name in limits()} == JobRequest.model_fields.keys() - free
    assert limits()["env"] == Limit(entries=256)
    assert limits()["env.value"] == Limit(length=32_768)
    assert limits()["notify"] == Limit(entries=10)
    assert limits()["interactive_ports.item"] == Limit(minimum=1024, maximum=65_535)
    assert limits()["job_path"] == Limit(length=1012)


@pytest.fixture
async def form(yard: Gateway) -> Gateway:
    """Ada is a member of `lab`, with a bound, and administers `default`."""
    yard.bus.answers[OFFER.subject] = lambda ask: Offer(
        devices=(OfferedDevices(device_type="v100", total=12, most=8, simulated=True),),
        cpus=64,
        memory_mib=4096,
        uses_images=False,
    )
    yard.bus.answers[NOTIFY_KINDS.subject] = lambda ask: NotifyKinds(kinds=("mailto", "https"), events=("failed",))
    bounds = {"max_priority": 50, "max_duration_s": 60, "jobs_per_user": 3, "open": False}
    assert (await yard.call("POST", "/vcs", json={"name": "lab", **bounds})).status_code == 201
    await yard.call("POST", "/vcs", json={"name": "foreign"})
    await yard.add_account("ada", {"lab": Role.MEMBER, "default": Role.ADMIN})
    for holder, name in ((of_user("ada"), "mine"), (of_vc("lab"), "shared"), (of_vc("foreign"), "hidden")):
        await yard.parts.secrets.put(holder, name, "a value that nobody is shown", BY_ITSELF)
    return yard


async def test_a_member_is_told_of_the_own_virtual_clusters_with_what_they_allow(form: Gateway) -> None:
    answer = await form.call("GET", "/submit-options", "ada")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    default, lab = found["vcs"]
    assert default["name"] == "default"
    assert (default["role"], default["max_priority"], default["default_priority"]) == ("admin", 1000, 100)
    assert (default["max_duration_s"], default["jobs_per_user"], default["secrets"]) == (None, None, [])
    assert lab == {
        "name": "lab",
        "role": "member",
        "open": False,
        "max_priority": 50,
        "default_priority": 50,
        "max_duration_s": 60,
        "default_duration_s": 60,
        "jobs_per_user": 3,
        "quota": {},
        "secrets": ["shared"],
    }
    assert found["secrets"] == ["mine"]
    assert found["device_types"] == [{"device_type": "v100", "total": 12, "max_per_node": 8, "simulated": True}]
    assert (found["max_cpus"], found["max_memory_mib"], found["uses_images"]) == (64, 4096, False)
    assert found["endpoints"] == ["ssh", "jupyter", "tensorboard"]
    assert found["notify"] == {"kinds": ["mailto", "https"], "mail_domains": [], "events": ["failed"]}
    assert found["limits"]["nodes"]["maximum"] == RANKS
    assert "nobody is shown" not in answer.text
    assert "hidden" not in answer.text
    assert "foreign" not in answer.text


async def test_without_the_scheduler_and_notify_the_rest_is_told(form: Gateway) -> None:
    del form.bus.answers[OFFER.subject], form.bus.answers[NOTIFY_KINDS.subject]
    answer = await form.call("GET", "/submit-options", "ada")
    assert answer.status_code == 200
    found = answer.json()
    unknown = ("device_types", "max_cpus", "max_memory_mib", "uses_images", "notify")
    assert [found[name] for name in unknown] == [None] * 5
    assert len(found["vcs"]) == 2


@pytest.mark.parametrize(
    ("policy", "kind", "example"),
    [
        (Policy(), "mailto", "mailto:ada@example.org"),
        (Policy(), "https", "https://example.org/hook"),
        (Policy(schemes=frozenset({"slack"})), "slack", "slack://a/b/c"),
    ],
)
def test_a_kind_of_recipient_that_is_named_is_taken(policy: Policy, kind: str, example: str) -> None:
    assert kind in kinds(policy)
    assert target_of(example, policy)


def test_plain_http_is_named_only_where_the_operators_allowed_a_network() -> None:
    assert kinds(Policy()) == ("mailto", "https")
