"""A reader of server-sent events for tests: blocking, with what it read so far kept apart by event."""

import json
import socket
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Event:
    """One event as it came."""

    name: str
    id: str | None
    data: Any


class SseReader:
    """Reads a stream in a thread until it ends, or until `close`."""

    def __init__(self, url: str, headers: Mapping[str, str], params: Mapping[str, str | int] | None = None) -> None:
        self.events: list[Event] = []
        self.alive = 0
        """How often it was told that the stream lives; these are not among the events either."""
        self.ticks = 0
        """How often it was told that the queue may have moved; these are not among the events."""
        self.status: int | None = None
        self.ended_cleanly = False
        self._client = httpx.Client(timeout=httpx.Timeout(30), trust_env=False)
        self._request = self._client.build_request("GET", url, headers=headers, params=params)
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(httpx.HTTPError, httpx.StreamError), self._client:
            response = self._client.send(self._request, stream=True)
            with closing(response):
                self._socket = response.extensions["network_stream"].get_extra_info("socket")
                self.status = response.status_code
                self._read(response)
                self.ended_cleanly = True

    def _read(self, response: httpx.Response) -> None:
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            else:
                self._dispatch(fields)
                fields = {}

    def _dispatch(self, fields: dict[str, str]) -> None:
        if "data" in fields:
            data = json.loads(fields["data"])
            if fields.get("event") == "queue":
                self.ticks += 1
                return
            if fields.get("event") == "alive":
                self.alive += 1
                return
            self.events.append(Event(fields.get("event", "message"), fields.get("id"), data))

    @property
    def open(self) -> bool:
        return self._thread.is_alive()

    @property
    def last_id(self) -> str | None:
        """What to go on after."""
        return next((event.id for event in reversed(self.events) if event.id), None)

    def unfinished(self) -> list[str]:
        """The texts of the console's lines that have not ended, as they were told last."""
        told = [event.data.get("unfinished") for event in list(self.events) if event.name == "lines"]
        return [line["text"] for line in next((each for each in reversed(told) if each is not None), [])]

    def lines(self) -> list[str]:
        """The texts of every console line."""
        return [line["text"] for event in list(self.events) if event.name == "lines" for line in event.data["lines"]]

    def close(self) -> None:
        """Stop reading."""
        if self._socket is not None and self.open:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
