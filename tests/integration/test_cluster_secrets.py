"""What is to be masked, read from a run's Secret: from the run's own alone, and as it was put there."""

import base64
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.backends.kubernetes.run_secrets import FOREIGN
from services.executor.domain import pod_names as names
from tests.support.kubernetes.proxy import asks, proxy

RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV.1"
POD = {"metadata": {"namespace": "lab", "annotations": {names.SECRET: "true"}}}


def secret(hidden: bytes, run: str = RUN) -> dict[str, Any]:
    meta = {"name": names.pod_name(RUN), "uid": "s-1", "annotations": {names.RUN: run}}
    return {"metadata": meta, "data": {"jobyard.hidden": base64.b64encode(hidden).decode()}}


async def told(folder: Path, document: dict[str, Any]) -> list[str]:
    async with proxy(folder) as between:
        between.say(asks("GET", ".*/secrets/.*"), document)
        api = Api(between.kubeconfig)
        await api.open()
        try:
            return list(await HiddenTexts(api).of(RUN, POD))
        finally:
            await api.close()


async def test_the_next_executor_masks_what_the_runs_secret_says(tmp_path: Path) -> None:
    assert await told(tmp_path, secret(b'["one", "two"]')) == ["one", "two"]


@pytest.mark.parametrize(
    "document",
    [
        secret(b'["one"]', run="01ARZ3NDEKTSV4RRFFQ69G5FAV.2"),
        secret(b"one"),
        secret(b'{"one": 1}'),
        secret(b"[1]"),
        secret(b"\xff"),
        secret(b"[]") | {"data": None},
        secret(b"[]") | {"data": {}},
        secret(b"[]") | {"data": {"jobyard.hidden": "!"}},
        {"metadata": {"name": names.pod_name(RUN), "uid": "s-1"}},
    ],
)
async def test_a_secret_that_is_another_ones_or_was_changed_is_as_good_as_none(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    with pytest.raises(ApiError) as refused:
        await told(tmp_path, document)
    assert (refused.value.status, refused.value.reason) == (404, FOREIGN)
