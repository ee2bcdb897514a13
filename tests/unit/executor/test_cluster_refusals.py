"""What refuses a pod for good, and what only for now."""

import pytest

from services.executor.domain.cluster_refusals import exceeds_quota, passes

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


def test_a_quota_that_is_used_up_is_free_again_one_day() -> None:
    assert exceeds_quota(QUOTA)
    assert not exceeds_quota(LEVEL)
