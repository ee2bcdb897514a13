"""What is said of a pull that failed tells who can mend it: whoever named the image, time, or another node."""

import pytest

from services.executor.domain.pull_failures import is_final, is_of_the_node


@pytest.mark.parametrize(
    "said",
    [
        "manifest for lab/train:3 not found: manifest unknown: manifest unknown",
        "pull access denied for lab/train, repository does not exist or may require authorization",
        "Head https://registry.lab/v2/lab/train/manifests/3: no basic auth credentials",
        "unexpected status from HEAD request to https://registry.lab/v2/lab/train/manifests/3: 403 Forbidden",
        "no matching manifest for linux/arm64/v8 in the manifest list entries",
        "image with reference lab/train:3 was found but does not match the specified platform: wanted linux/arm64",
    ],
)
def test_what_a_registry_will_not_give_is_final(said: str) -> None:
    assert is_final(said) and not is_of_the_node(said)


@pytest.mark.parametrize(
    "said",
    [
        "received unexpected HTTP status: 502 Bad Gateway",
        "toomanyrequests: You have reached your pull rate limit",
        "dial tcp 10.0.0.9:443: i/o timeout",
        "dial tcp: lookup registry.lab: no such host",
        "tls: failed to verify certificate: x509: certificate has expired",
        "",
    ],
)
def test_what_a_registry_does_not_give_now_passes(said: str) -> None:
    assert not is_final(said) and not is_of_the_node(said)


def test_a_full_disk_is_the_nodes_own() -> None:
    said = "failed to register layer: write /lib/a.so: No space left on device"
    assert is_of_the_node(said) and not is_final(said)
