"""What an engine says of an image: what is final, what waits, and what somebody has to put right first."""

import pytest

from services.executor.backends.docker.engine import Declined, Unpullable
from services.executor.backends.docker.refusing import refusal
from shared.contracts.commands.secrets import RegistryLogin

X509 = "Get https://registry.lab/v2/: tls: failed to verify certificate: x509: signed by unknown authority"
PLAIN = "Get https://registry.lab/v2/: http: server gave HTTP response to HTTPS client"
NOBODY = "Get https://registry.lab/v2/: dial tcp: lookup registry.lab: no such host"


@pytest.mark.parametrize(
    ("said", "busy", "hint"),
    [
        ("manifest unknown", False, "Check its name, and whether this node may pull it."),
        ("pull access denied for train", False, "Check its name, and whether this node may pull it."),
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


def test_what_the_engine_itself_will_not_do_is_final() -> None:
    refused = refusal("train:3", Declined(409, "name is taken"), None)
    assert (refused.reason.code, refused.busy) == ("container_refused", False)


def test_a_registry_that_repeats_what_it_was_let_in_with_is_not_quoted_with_it() -> None:
    login = RegistryLogin(registry="registry.lab", username="ada", password="correct-horse")
    refused = refusal("registry.lab/train:3", Unpullable(500, "who is correct-horse?"), login)
    assert "correct-horse" not in refused.reason.model_dump_json()
