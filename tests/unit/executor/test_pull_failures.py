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
        "pull access denied for denied, repository does not exist",
        '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}',
        'denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource',
        "unauthorized: authentication required",
        "<html><h1>403 Forbidden</h1></html>",
        'failed to resolve reference "docker.io/lab/train:3": docker.io/lab/train:3: not found',
        "failed to unpack image on snapshotter overlayfs: no match for platform in manifest sha256:1a: not found",
        'failed to resolve reference "docker.io/lab/snapshot:1.0-SNAPSHOT": docker.io/lab/snapshot: not found',
        "manifest for lab/release-lease:3 not found: manifest unknown",
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
        "content at https://registry.lab/v2/lab/train/blobs/sha256:1a not found: not found",
        "mkdir /var/lib/containerd/tmpmounts/1: permission denied",
        "",
    ],
)
def test_what_a_registry_does_not_give_now_passes(said: str) -> None:
    assert not is_final(said) and not is_of_the_node(said)


@pytest.mark.parametrize("image", ["vision/access-denied-net:3", "denied", "forbidden:1", "lab/manifest-not:1"])
@pytest.mark.parametrize(
    "said",
    [
        'Get "https://registry.lab/v2/{}/manifests/3": dial tcp 10.0.0.9:443: i/o timeout',
        'failed to pull and unpack image "{}": 502 Bad Gateway',
        "rpc error: code = Unknown desc = failed to pull '{}': unexpected EOF",
    ],
)
def test_the_name_of_an_image_says_nothing_of_its_pull(said: str, image: str) -> None:
    assert not is_final(said.format(image)) and not is_of_the_node(said.format(image))


@pytest.mark.parametrize(
    "said",
    [
        "failed to register layer: write /lib/a.so: No space left on device",
        'image "lab/x:3": failed to prepare extraction snapshot: parent snapshot sha256:2b does not exist: not found',
        'image "registry.lab/lab/manifest:3": failed to stat snapshot sha256:1a: snapshot sha256:1a: not found',
        "failed to get reader from content store: content digest sha256:1a: not found",
        "failed to extract layer sha256:1a: lease does not exist: not found",
        "mkdir /var/lib/containerd/tmpmounts: read-only file system",
    ],
)
def test_what_a_node_fails_at_is_its_own(said: str) -> None:
    assert is_of_the_node(said) and not is_final(said)
