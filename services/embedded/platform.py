"""All children of one installation, from the first start until the last has ended."""

import http.client
import os
import signal
import sys
import time

from services.embedded.children import POLL_S, Child, end_all, refused
from services.embedded.doors import Door
from services.embedded.saying import say
from shared.wrong_settings import EXIT_CODE

STOP_S = 8.0
"""Services drain; after that they are killed, so that the whole stop takes less than 10 s."""


class Platform:
    """All children of one installation."""

    def __init__(self, servers: list[Child], services: list[Child], url: str, doors: list[Door]) -> None:
        self._servers = servers
        self._services = services
        self._children = servers + services
        self._url = url
        self._doors = doors
        self._stopping = False
        self._ready = False
        self._code = 0

    def run(self) -> int:
        """Start everything and keep it running until SIGTERM or Ctrl-C, or until a part cannot start with its settings.

        The exit code.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            for child in self._children:
                if child.pid == 0 and child.due <= time.monotonic():
                    child.start()
            if not self._ready and _answers(self._url):
                self._ready = True
                say(f"ready {self._url}")
            if self._ready and self._doors:
                self._doors = [door for door in self._doors if not door.announced()]
            time.sleep(0.25 if self._ready else POLL_S)
            self._reap()
        self._end()
        return self._code

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _reap(self) -> None:
        for child in self._children:
            if child.pid:
                pid, status = os.waitpid(child.pid, os.WNOHANG)
                if pid and refused(status) and not self._ready:
                    child.pid = 0
                    self._give_up(child)
                elif pid:  # what it reads from files may be right again, once it was
                    child.died(status)

    def _give_up(self, child: Child) -> None:
        say(f"{child.name} cannot start with these settings. Change them, and start the platform again.", sys.stderr)
        self._code = EXIT_CODE
        self._stopping = True

    def _end(self) -> None:
        """The services first, all at once; nats-server, which they need to drain, last."""
        say("stopping; running jobs go on")
        end_all(self._services, STOP_S)
        end_all(self._servers, 1.0)
        say("stopped")


def _answers(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
