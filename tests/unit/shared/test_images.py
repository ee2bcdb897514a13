"""Names of images: taken apart as engines do, and everything refused that is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.gateway.bodies import parsed
from services.gateway.resources import submissions
from services.gateway.resources.people import VcChange
from shared.contracts.errors import Invalid
from shared.contracts.images import LONGEST, image_name, no_id, registry_host
from shared.contracts.job import JobRequest

SHA = "sha256:" + "a" * 64
GOOD = {
    "python": ("docker.io", "library/python", None, None),
    "python:3.12": ("docker.io", "library/python", "3.12", None),
    "team/train:3": ("docker.io", "team/train", "3", None),
    "docker.io/python": ("docker.io", "library/python", None, None),
    "index.docker.io/team/train": ("docker.io", "team/train", None, None),
    "registry.lab:5000/team/sub/train:a_B-1.0": ("registry.lab:5000", "team/sub/train", "a_B-1.0", None),
    "Registry.Lab/x": ("registry.lab", "x", None, None),
    "localhost/x": ("localhost", "x", None, None),
    "127.0.0.1:5000/x:1": ("127.0.0.1:5000", "x", "1", None),
    f"ghcr.io/a/b@{SHA}": ("ghcr.io", "a/b", None, SHA),
    f"ghcr.io/a/b:1@{SHA}": ("ghcr.io", "a/b", "1", SHA),
    "a__b.c-d--e": ("docker.io", "library/a__b.c-d--e", None, None),
    "x:5000": ("docker.io", "library/x", "5000", None),
}
BAD = [
    "",
    " ",
    "python ",
    "py thon",
    "python\n",
    "python:3\n",
    "python\t",
    "python\0",
    "python\u2028",
    "Python",
    "team/Train",
    "Team/train",
    "-v",
    "--privileged",
    "a//b",
    "/a",
    "a/",
    "a/../b",
    "./a",
    "a:",
    "a:-1",
    "a:1:2",
    "a:" + "t" * 129,
    "a@",
    "a@sha256:abc",
    "a@md5:" + "a" * 32,
    f"a@{SHA}@{SHA}",
    f"a@{SHA.upper()}",
    "a" * 64,
    "a" * (LONGEST + 1),
    "a___b",
    "a..b",
    "_a",
    "a_",
    "реестр/x",
    "registry.lab:0/x",
    "registry.lab:70000/x",
    "registry.lab:/x",
    "user:secret@registry.lab/x",
    "http://registry.lab/x",
    "registry_lab.x/y",
    "-registry.lab/x",
    'a"b',
    "a'b",
    "a$(id)",
    "a;id",
    "a{b}",
    "a: b\nc: d",
    "[::1]:5000/x",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_name_is_taken_apart(text: str) -> None:
    found = image_name(text)
    assert (found.registry, found.repository, found.tag, found.digest) == GOOD[text]
    assert image_name(found.full).full == found.full
    assert JobRequest(name="j", command="true", image=text).image == text


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_name_is_refused_where_it_is_submitted(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|has \d+ characters"):
        image_name(text)
    with pytest.raises(ValidationError):
        JobRequest(name="j", command="true", image=text)


@pytest.mark.parametrize("text", ["sha256:69", "sha256:6954721c8b98", SHA, "sha512:1", "sha256", f"sha256@{SHA}"])
def test_whoever_writes_an_id_is_told_to_write_a_name(text: str) -> None:
    with pytest.raises(ValueError, match="must be a name, not the id of an image"):
        no_id(text)
    with pytest.raises(Invalid, match="must be a name, not the id of an image"):
        parsed(submissions.JobRequest, json.dumps({"name": "j", "command": "true", "image": text}).encode())
    with pytest.raises(ValidationError):
        VcChange(image=text)
    kept = JobRequest(name="j", command="true", image=text)
    assert kept.image == text, "what was accepted before can be read"
    assert image_name(text).full.startswith("docker.io/library/sha")


@given(st.from_regex(r"(sha256:)?[0-9a-f]{1,63}", fullmatch=True))
def test_the_full_form_of_a_name_is_the_beginning_of_no_id(text: str) -> None:
    assert image_name(text).full.startswith("docker.io/library/")


@given(st.text(max_size=40))
def test_whatever_is_taken_is_plain(text: str) -> None:
    try:
        found = image_name(text)
    except ValueError:
        return
    assert text.isascii() and text.isprintable() and not set(text) & set(" \"'`$\\;|&<>(){}[]*?!#~%=,+")
    assert found.pinned(SHA).endswith(f"@{SHA}")
    assert image_name(found.pinned(SHA)).digest == SHA


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a:b", "a:0", "user@host", "a:99999", "a" * 300, "a\n", "http://a"])
def test_what_is_no_registry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be the name of a registry"):
        registry_host(text)
