"""One connection: uvicorn's protocol, with a limit to what a peer may send, or leave unread, before it is cut.

Everything behind it counts requests, but a head that never ends is not yet a request, and an answer that nobody takes
is one for ever. A head has 64 KiB, counted as it comes and as the parser keeps it, and HEAD_TIMEOUT_S from the
connection's or its own first byte; an answer goes on only while the peer takes it.
"""

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.gateway.problems import MEDIA_TYPE, HeadTooLarge, problem_of

HEAD_BYTES = 64 << 10
MARGIN_S = 5.0
"""How much longer a connection lasts than the patience with its reader: the answer ends itself first, and says so."""


class Connection(HttpToolsProtocol):
    """Subclasses say how patient it is."""

    head_timeout_s: ClassVar[float]
    stalled_s: ClassVar[float]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = True  # or before it
        self._begun = False
        self._heads = 0
        self._raw = 0
        self._parsed = 0
        self._refusing = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_head_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        in_head, heads, idle = self._in_head, self._heads, self.timeout_keep_alive_task
        if not in_head:  # the rest of a body is no sign of life once its request is answered
            self.timeout_keep_alive_task = None
        super().data_received(data)
        if not in_head and idle is not None:
            self._stay_idle(idle)
        if not self._in_head or self.transport.is_closing():
            return
        only_head = in_head and heads == self._heads
        if only_head:
            self._raw += len(data)
        if self._raw > HEAD_BYTES:
            self._refusing = True
            self.send_400_response("")
        elif (only_head or self._begun) and self._head_timer is None:
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """Also 431, for the parser knows only one way to refuse."""
        if not self._refusing:
            super().send_400_response(msg)
            return
        refusal = HeadTooLarge(f"The head of the request is larger than {HEAD_BYTES} bytes. Send less in its headers.")
        body = problem_of(refusal).model_dump_json(exclude_none=True, exclude={"errors"}).encode()
        head = (
            f"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    # --- what the parser says

    def on_message_begin(self) -> None:
        self._begun = True
        self._parsed = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = self._begun = False
        self._heads += 1
        self._raw = 0
        self._cancel_head_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()

    # --- what the transport says

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(self.stalled_s + MARGIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        super().resume_writing()

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > HEAD_BYTES:
            self._refusing = True
            raise _TooLarge

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_s, self._head_is_late)

    def _head_is_late(self) -> None:
        """A request that is still being answered keeps the connection; the head after it may wait unread."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
        else:
            self._await_head()

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stay_idle(self, timer: asyncio.TimerHandle) -> None:
        if self._begun or self.timeout_keep_alive_task is not None or not self.cycle.response_complete:
            timer.cancel()
        else:
            self.timeout_keep_alive_task = timer


class _TooLarge(Exception):
    """Stops the parser."""
