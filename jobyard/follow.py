"""A stream of server-sent events that outlives its connection: it goes on where it broke, with `Last-Event-ID`."""

from collections.abc import Iterator

from jobyard.errors import TooMany, Unavailable
from jobyard.sse import ServerEvent, parse
from jobyard.transport import Backoff, Params, Transport

SILENCE_S = 45.0
"""The platform says more often than this that it lives; a quieter connection is taken for broken."""

PATIENCE_S = 60.0
"""How long to try to get back to a platform that has gone away."""

END = "end"
"""The event that says that nothing more will come."""

ALIVE = "alive"
"""The event that says no more than that the connection lives."""

RESET = "reset"
"""The event that says that some were left out, since the reader was slow: the stream still has them after the last."""


def follow(transport: Transport, path: str, params: Params, last_id: str | None = None) -> Iterator[ServerEvent]:
    """Every event once, until the platform says that it is the end.

    Raises JobyardError when the platform refuses, and Unavailable when for PATIENCE_S it stays away, or lets every
    connection end before it has said anything.
    """
    backoff = Backoff(PATIENCE_S)
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        broken: Unavailable | TooMany = Unavailable("The platform ends the stream again and again. Try again later.")
        has_begun = False
        try:
            with transport.stream(path, params=params, headers=headers, silence=SILENCE_S) as response:
                for event in parse(response.iter_bytes(), last_id):
                    if event.name == END:
                        return
                    if has_begun or event.name != ALIVE:  # every connection begins with a sign of life
                        backoff.reset()
                    has_begun = True
                    if event.name == ALIVE:
                        continue
                    if event.name == RESET:
                        if last_id is None:
                            continue
                        break
                    last_id = event.id
                    yield event
        except (Unavailable, TooMany) as error:
            broken = error
        if not backoff.pause():
            raise broken
