"""Follows documents of one kind: listed in pages, then watched from that version on, and listed again when that fails.

410 comes as an answer with status 200 and an event ERROR. A change is seen late at worst, and never missed: whoever
follows is told of each document as it is, and of those that a new list does not have any more. A watch that is cut
after it has told something goes on from there; one that told nothing is not trusted, so its documents are listed.
Whoever may write documents writes them as he likes: one that cannot be understood is left out, and ends nothing.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from services.executor.backends.kubernetes.api import LIST_S, Api, Document
from services.executor.backends.kubernetes.lines import lines
from services.executor.backends.kubernetes.pauses import Pauses
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway, TooMuch

log = structlog.get_logger()

PAGE = 500
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What a follower stumbles over in a document that is not as it expects."""
_PAUSES_S = (0.1, 30.0)
_WATCH_S = (240, 360)
"""Between these: watches that began together shall not end together."""
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
        self._version: str | None = None
        """Up to which everything was told; none: it has to be listed."""
        self._told = False
        self.listed = asyncio.Event()

    async def follow(self) -> None:
        """Until cancelled."""
        pauses = Pauses(*_PAUSES_S)
        while True:
            self._told = ends_well = False
            try:
                if self._version is None:
                    self._version = await self._list()
                    self.listed.set()
                await self._watch(self._version)
                ends_well = True
            except ClusterAway as error:
                ends_well = True
                log.warning("cluster_away", path=self._path, error=str(error))
            except ApiError as error:
                level = logging.INFO if error.status == _GONE else logging.ERROR
                log.log(level, "watch_ended", path=self._path, status=error.status, reason=error.message)
            if self._told:
                pauses.reset()
            if not (self._told and ends_well):
                self._version = None
            await asyncio.sleep(pauses.next())

    async def _list(self) -> str:
        """The version that the list is of, all its pages. Raises ApiError, ClusterAway."""
        query: dict[str, Any] = {**self._query, "limit": PAGE}  # halved while their documents are too large
        seen: set[str] = set()
        self._follower.begin()
        while True:
            try:
                page = await self._api.get(self._path, query, LIST_S)
            except TooMuch:
                if query["limit"] == 1:
                    raise
                query["limit"] //= 2
                continue
            for document in page["items"]:
                seen.add(document["metadata"]["uid"])
                self._tell(self._follower.take, document)
            if not page["metadata"].get("continue"):
                self._follower.end(seen)
                return str(page["metadata"]["resourceVersion"])
            query["continue"] = page["metadata"]["continue"]

    async def _watch(self, version: str) -> None:
        """Until it ends. Raises ApiError (410 among them), ClusterAway."""
        query: dict[str, str | int | bool] = {
            **self._query,
            "watch": True,
            "resourceVersion": version,
            "allowWatchBookmarks": True,
            "timeoutSeconds": random.randint(*_WATCH_S),
        }
        async with self._api.lines(self._path, query) as answer:
            async for line in lines(answer):
                if line is None:
                    log.error("document_skipped", path=self._path, error="it is too large")
                    continue
                try:
                    event = json.loads(line)
                except RecursionError:
                    log.error("document_skipped", path=self._path, error="it is nested too deep")
                except ValueError as error:
                    raise ClusterAway(f"the watch was cut within a line: {error}") from error
                else:
                    self._heard(event["type"], event["object"])

    def _heard(self, kind: str, document: Document) -> None:
        if kind == "ERROR":
            code, reason = int(document.get("code", 0)), str(document.get("reason", ""))
            raise ApiError(code, reason, str(document.get("message", "")))
        if kind == "DELETED":
            self._tell(self._follower.drop, document)
        elif kind != "BOOKMARK":
            self._tell(self._follower.take, document)
        self._version = document["metadata"]["resourceVersion"]
        self._told = True

    def _tell(self, follower: Callable[[Document], None], document: Document) -> None:
        try:
            follower(document)
        except _MALFORMED as error:
            name = document["metadata"].get("name")
            log.error("document_skipped", path=self._path, name=name, error=f"{type(error).__name__}: {error}")
