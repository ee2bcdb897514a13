"""What refuses a pod for good, and what only for now."""

import pytest

from services.executor.domain.cluster_refusals import forbids, is_busy, lacks_namespace, passes

TERMINATING = "it is forbidden: unable to create new content in namespace lab because it is being terminated"
NO_ACCOUNT = 'it is forbidden: error looking up service account lab/default: serviceaccount "default" not found'
UNCOUNTED = "it is forbidden: status unknown for quota: jobyard-1, resources: pods"
QUOTA = "it is forbidden: exceeded quota: small, requested: requests.cpu=1, used: requests.cpu=0, limited: 100m"
LEVEL = 'it violates PodSecurity "restricted:latest": hostNetwork'


@pytest.mark.parametrize(
    ("status", "message", "causes", "passing"),
    [
        (404, 'namespaces "lab" not found', (), True),
        (409, "Operation cannot be fulfilled on resourcequotas", (), True),
        (403, TERMINATING, ("NamespaceTerminating",), True),
        (403, NO_ACCOUNT, (), True),
        (403, UNCOUNTED, (), True),
        (403, QUOTA, (), False),
        (403, LEVEL, (), False),
        (422, "spec.containers[0].image: Invalid value", ("FieldValueInvalid",), False),
        (400, "strict decoding error", (), False),
    ],
)
def test_what_is_refused_for_now_is_asked_for_again(
    status: int, message: str, causes: tuple[str, ...], passing: bool
) -> None:
    assert passes(status, message, causes) is passing


CLOSED = (
    'configmaps is forbidden: User "system:serviceaccount:jobyard:executor" cannot create resource "configmaps" in API '
    'group "" in the namespace "jobyard-lab"'
)


def test_a_namespace_that_the_executor_may_not_use_is_told_from_a_pod_that_may_not_be() -> None:
    assert forbids(403, CLOSED)
    assert not passes(403, CLOSED, ())
    assert not any(forbids(403, said) for said in (TERMINATING, NO_ACCOUNT, UNCOUNTED, QUOTA, LEVEL))


def test_a_namespace_that_is_not_there_is_told_from_what_is_not_in_it() -> None:
    assert lacks_namespace(404, 'namespaces "lab" not found')
    assert not lacks_namespace(404, 'configmaps "jobyard" not found')
    assert not lacks_namespace(403, 'namespaces "lab" not found')


def test_a_quota_that_is_used_up_is_free_again_one_day() -> None:
    assert is_busy(QUOTA)
    assert not is_busy(LEVEL)
