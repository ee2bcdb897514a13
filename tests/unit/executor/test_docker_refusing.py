"""What an engine says of an image: what is final, what waits, and what somebody has to put right first."""

import pytest

from services.executor.backends.docker.engine import Declined, Networkless, Unpullable
from services.executor.backends.docker.refusing import refusal, unforeseen
from shared.contracts.commands.secrets import RegistryLogin

X509 = "Get https://registry.lab/v2/: tls: failed to verify certificate: x509: signed by unknown authority"
PLAIN = "Get https://registry.lab/v2/: http: server gave HTTP response to HTTPS client"
FOREIGN = "no matching manifest for linux/arm64/v8 in the manifest list entries"
NOBODY = "Get https://registry.lab/v2/: dial tcp: lookup registry.lab: no such host"


@pytest.mark.parametrize(
    ("said", "busy", "hint"),
    [
        ("manifest unknown", False, "Check its name, and whether this node may pull it."),
        ("pull access denied for train", False, "Check its name, and whether this node may pull it."),
        (FOREIGN, False, "Check its name, and whether this node may pull it."),
        ("dial tcp 10.0.0.9:443: i/o timeout", True, "The registry may answer later."),
        (X509, True, "an operator can install it."),
        (PLAIN, True, "an insecure registry."),
        (NOBODY, True, "Check how it is spelled, or ask an operator."),
    ],
)
def test_an_image_that_cannot_be_had_is_refused_with_what_one_can_do(said: str, busy: bool, hint: str) -> None:
    refused = refusal("registry.lab/train:3", Unpullable(500, said), None)
    assert (refused.reason.code, refused.busy, refused.own) == ("image_unavailable", busy, True)
    assert said in refused.reason.message and refused.reason.message.endswith(hint)


def test_an_image_that_a_node_has_no_room_for_may_be_had_on_another_one() -> None:
    said = "failed to register layer: write /usr/lib/libcuda.so: no space left on device"
    refused = refusal("registry.lab/train:3", Unpullable(500, said), None)
    assert (refused.reason.code, refused.busy, refused.own) == ("image_unavailable", True, False)
    assert f"{said}. Another node may be able to" in refused.reason.message


@pytest.mark.parametrize(
    ("status", "said", "busy"),
    [
        (409, "name is taken", False),
        (400, "invalid mount config for type bind: bind source path does not exist: /srv/data", False),
        (500, 'could not select device driver "nvidia" with capabilities: [[gpu]]', True),
        (500, "write /var/lib/docker/tmp: no space left on device", True),
        (500, 'OCI runtime create failed: exec: "/x": stat /x: no such file or directory: unknown', False),
        (500, 'error mounting "/srv/a" to rootfs: not a directory: unknown', False),
    ],
)
def test_what_the_engine_fails_at_is_its_own_and_what_it_will_not_do_is_final(
    status: int, said: str, busy: bool
) -> None:
    refused = refusal("train:3", Declined(status, said), None)
    assert (refused.reason.code, refused.busy, refused.own) == ("container_refused", busy, False)
    assert said in refused.reason.message


def test_a_run_that_gets_no_network_waits_for_others_and_says_what_operators_can_do() -> None:
    refused = refusal("train:3", Networkless(500, "all predefined address pools have been fully subnetted"), None)
    assert (refused.reason.code, refused.busy, refused.own) == ("network_refused", True, False)
    assert "fully subnetted. Each run" in refused.reason.message and "default-address-pools" in refused.reason.message


def test_what_nobody_has_foreseen_is_told_and_another_node_may_do_better() -> None:
    refused = unforeseen(KeyError("Id\x1b"))
    assert (refused.reason.code, refused.busy) == ("launch_failed", True)
    assert "KeyError: 'Id" in refused.reason.message and refused.reason.message.isprintable()


def test_nothing_that_is_said_is_endless_or_moves_the_cursor() -> None:
    for declined in (Unpullable(500, "\x1b[2Jx\n" * 100_000), Declined(400, "y\u202e" * 100_000)):
        reason = refusal("registry.lab/train:3", declined, None).reason
        assert len(reason.message) < 1000 and reason.message.isprintable()
        assert len(str(reason.details["said"])) <= 501


def test_a_registry_that_repeats_what_it_was_let_in_with_is_not_quoted_with_it() -> None:
    login = RegistryLogin(registry="registry.lab", username="ada", password="correct-horse")
    refused = refusal("registry.lab/train:3", Unpullable(500, "who is correct-horse?"), login)
    assert "correct-horse" not in refused.reason.model_dump_json()
