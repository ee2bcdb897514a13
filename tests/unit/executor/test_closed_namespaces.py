"""A namespace where the executor can do nothing is told from a pod that is refused there."""

from services.executor.domain.cluster_refusals import forbids, lacks_namespace, passes

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


def test_a_namespace_that_is_not_there_is_told_from_what_is_not_in_it() -> None:
    assert lacks_namespace(404, 'namespaces "lab" not found')
    assert not lacks_namespace(404, 'configmaps "jobyard" not found')
    assert not lacks_namespace(403, 'namespaces "lab" not found')
