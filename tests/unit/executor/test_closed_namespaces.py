"""A namespace where the executor can do nothing is told from a pod that is refused there."""

from services.executor.domain.closed_namespaces import ClosedNamespaces
from services.executor.domain.cluster_refusals import forbids, lacks_namespace, passes, unnamed

OF_THE_POD = (
    "it is forbidden: unable to create new content in namespace lab because it is being terminated",
    'it is forbidden: error looking up service account lab/default: serviceaccount "default" not found',
    "it is forbidden: exceeded quota: small, requested: requests.cpu=1, used: requests.cpu=0, limited: 100m",
    'it violates PodSecurity "restricted:latest": hostNetwork',
)
CLOSED = (
    'configmaps is forbidden: User "system:serviceaccount:jobyard:executor" cannot create resource "configmaps" in API '
    'group "" in the namespace "jobyard-lab"'
)


def test_a_namespace_that_the_executor_may_not_use_is_told_from_a_pod_that_may_not_be() -> None:
    assert forbids(403, CLOSED)
    assert not passes(403, CLOSED, ())
    assert not any(forbids(403, said) for said in OF_THE_POD)


def test_what_is_forbidden_is_said_without_the_account_that_asked() -> None:
    assert unnamed(CLOSED).startswith('configmaps is forbidden: the executor cannot create resource "configmaps" in')


def test_a_namespace_is_closed_once_that_was_said_for_a_while() -> None:
    namespaces = ClosedNamespaces(patience_s=60)
    assert [namespaces.is_closed("lab", now) for now in (100, 130, 159, 160, 161)] == [False, False, False, True, True]
    assert not namespaces.is_closed("vision", 161)


def test_a_namespace_in_which_something_was_done_is_open_again() -> None:
    namespaces = ClosedNamespaces(patience_s=60)
    namespaces.is_closed("lab", 100)
    namespaces.open("lab")
    assert not namespaces.is_closed("lab", 161)
    assert namespaces.is_closed("lab", 221)


def test_what_an_api_server_said_long_ago_counts_no_more() -> None:
    namespaces = ClosedNamespaces(patience_s=60)
    namespaces.is_closed("lab", 100)
    assert not namespaces.is_closed("lab", 100_000)


def test_a_namespace_that_is_not_there_is_told_from_what_is_not_in_it() -> None:
    assert lacks_namespace(404, 'namespaces "lab" not found')
    assert not lacks_namespace(404, 'configmaps "jobyard" not found')
    assert not lacks_namespace(403, 'namespaces "lab" not found')
