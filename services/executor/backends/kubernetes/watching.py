"""Follows documents of one kind: listed in pages, then watched from that version on, and listed again when that ends.

410 comes as an answer with status 200 and an event ERROR. A change is seen late at worst, and never missed: whoever
follows is told of each document as it is, and of those that a new list does not have any more.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway, Document

log = structlog.get_logger()

PAGE = 500
_AGAIN_S = (0.05, 0.2, 1.0, 2.0, 5.0)
_WATCH_S = 300
_GONE = 410


class Follower(Protocol):
    """Keeps what it needs of the documents."""

    def begin(self) -> None:
        """A list is about to be read."""

    def take(self, document: Document) -> None:
        """It is this now."""

    def end(self, seen: set[str]) -> None:
        """The list was read, and has documents with these uids and no others."""

    def drop(self, document: Document) -> None:
        """It is gone."""


class Watch:
    """`query` selects the documents of `path`."""

    def __init__(self, api: Api, path: str, query: Mapping[str, str], follower: Follower) -> None:
        self._api = api
        self._path = path
        self._query = query
        self._follower = follower
        self.listed = asyncio.Event()

    async def follow(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            try:
                version = await self._list()
                self.listed.set()
                failures = 0
                while True:
                    version = await self._watch(version)
            except ClusterAway as error:
                log.warning("cluster_away", path=self._path, error=str(error))
            except ApiError as error:
                level = logging.INFO if error.status == _GONE else logging.ERROR
                log.log(level, "watch_ended", path=self._path, status=error.status, reason=error.message)
            await asyncio.sleep(_AGAIN_S[min(failures, len(_AGAIN_S) - 1)])
            failures += 1

    async def _list(self) -> str:
        """The version that the list is of. Raises ApiError, ClusterAway."""
        query: dict[str, Any] = {**self._query, "limit": PAGE}
        seen: set[str] = set()
        self._follower.begin()
        while True:
            page = await self._api.get(self._path, query)
            for document in page["items"]:
                seen.add(document["metadata"]["uid"])
                self._follower.take(document)
            if not page["metadata"].get("continue"):
                self._follower.end(seen)
                return str(page["metadata"]["resourceVersion"])
            query["continue"] = page["metadata"]["continue"]

    async def _watch(self, version: str) -> str:
        """The version from which the next watch goes on. Raises ApiError (410 among them), ClusterAway."""
        query: dict[str, str | int | bool] = {
            **self._query,
            "watch": True,
            "resourceVersion": version,
            "allowWatchBookmarks": True,
            "timeoutSeconds": _WATCH_S,
        }
        async with self._api.lines(self._path, query) as answer:
            while line := await answer.readline():
                event = json.loads(line)
                document = event["object"]
                if event["type"] == "ERROR":
                    code, reason = int(document.get("code", 0)), str(document.get("reason", ""))
                    raise ApiError(code, reason, str(document.get("message", "")))
                version = document["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    self._follower.drop(document)
                elif event["type"] != "BOOKMARK":
                    self._follower.take(document)
        return version
