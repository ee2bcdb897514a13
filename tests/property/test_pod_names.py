"""What people may choose, however hostile, in what is sent to a cluster: it stays a value, and never another's name."""

import json
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.backends.kubernetes.layout import Layout, Storage, Unplaceable
from services.executor.backends.kubernetes.manifest import pod, tombstone
from services.executor.backends.kubernetes.surroundings import of_gang, of_namespace
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from services.executor.domain.record import rank_id
from tests.support.executor_backend import order_of

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
VCS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", fullmatch=True)
PREFIXES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,30}", fullmatch=True)
OWNERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
IDS = st.from_regex(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", fullmatch=True)
HOSTILE = st.one_of(
    st.sampled_from(
        [
            "$(HOME)",
            "$$(X)",
            "a\nhostNetwork: true",
            '"}, "hostPID": true, {"',
            "'; rm -rf / #",
            "{{ .Values }}",
            "\u2028",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40),
)
IMAGES = st.from_regex(
    r"([a-z]{1,20}\.lab(:5[0-9]{3})?/)?[a-z0-9]{1,20}/[a-z0-9]{1,20}(:[A-Za-z0-9_]{1,20})?", fullmatch=True
)
JOBS = Path("/srv/jobs")
LAYOUT = Layout(executor="cluster", image="lab/base:1", storages=(Storage(PurePosixPath("/srv"), "all"),))
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "jobyard", "uid": "1"}


@given(VCS, PREFIXES)
def test_a_namespace_is_a_dns_label(vc: str, prefix: str) -> None:
    assert DNS_LABEL.fullmatch(names.namespace(vc, prefix))


@given(VCS, VCS)
def test_no_virtual_cluster_gets_the_namespace_of_another_by_its_case_its_signs_or_its_length(
    one: str, two: str
) -> None:
    variants = {one, two, one.lower(), one.upper(), one.replace("_", "-"), f"{one[:40]}{two}"[:63], one.strip("-_")}
    known = {vc: names.namespace(vc) for vc in variants if vc}
    assert len(set(known.values())) == len(known)


@given(VCS)
def test_nor_by_a_name_that_looks_like_what_another_was_given(vc: str) -> None:
    given_name = names.namespace(vc).removeprefix("jobyard-")
    assert given_name == vc or names.namespace(given_name) != names.namespace(vc)


@given(IDS, st.integers(1, 10**6), st.integers(0, 999))
def test_pods_and_what_a_run_shares_are_dns_labels_and_say_the_run(id: str, attempt: int, rank: int) -> None:
    rank_name = rank_id(f"{id}.{attempt}", rank)
    assert DNS_LABEL.fullmatch(names.pod_name(rank_name))
    assert DNS_LABEL.fullmatch(names.gang_name(rank_name))
    assert names.pod_name(rank_name) == f"{names.gang_name(f'{id}.{attempt}')}-r{rank}"


@given(IDS, VCS, OWNERS, HOSTILE, HOSTILE, IMAGES)
def test_what_a_job_says_is_a_value_and_changes_nothing_else_of_its_pod(
    id: str, vc: str, owner: str, word: str, value: str, image: str
) -> None:
    harmless = replace(order(id, "true", "1"), vc=vc, owner="ada")
    hostile = replace(order(id, word, value), vc=vc, owner=owner, image=image)
    one, other = (pod(each, LAYOUT) for each in (harmless, hostile))
    for document in (one, other):
        assert json.loads(json.dumps(document)) == document
        meta, [container] = document["metadata"], document["spec"]["containers"]
        assert all(LABEL_VALUE.fullmatch(label) for label in meta["labels"].values())
        said = container["command"].pop(), container["env"][0].pop("value"), meta["annotations"].pop(names.OWNER)
        container.pop("image")
        assert all(isinstance(each, str) for each in said)
    assert one == other


@given(IDS, HOSTILE)
def test_what_is_no_name_of_an_image_makes_no_pod(id: str, image: str) -> None:
    said = replace(order(id, "true", "1"), image=f"{image}$(HOME)")
    with pytest.raises(Unplaceable) as refused:
        pod(said, LAYOUT)
    assert refused.value.reason.code == "image_invalid"


@given(IDS, VCS, OWNERS)
def test_what_stands_around_pods_is_only_named_after_ids_and_hashes(id: str, vc: str, owner: str) -> None:
    layout = replace(LAYOUT, executor=owner, domain="cluster.local")
    namespace = names.namespace(vc)
    first = replace(order(id, "true", "1"), vc=vc, ranks=2)
    made = [*of_namespace(namespace, vc, layout, OWNER), *of_gang(first.run_id, namespace, vc, layout, OWNER)]
    for document in (*made, tombstone(first, layout)):
        meta = document["metadata"]
        assert DNS_LABEL.fullmatch(meta["name"])
        assert all(LABEL_VALUE.fullmatch(label) for label in meta["labels"].values())
        assert meta["annotations"][names.VC] == vc
    gang = made[1]["spec"]["podSelector"]["matchLabels"]
    labels: dict[str, Any] = pod(first, layout)["metadata"]["labels"]
    assert gang.items() <= labels.items()


def order(id: str, word: str, value: str) -> RunOrder:
    return replace(order_of(f"{id}.1", ("/bin/echo", word), JOBS / "a", grace_s=1), env={"SAID": value})
