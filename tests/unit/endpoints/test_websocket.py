"""The websocket's handshake as RFC 6455 gives it, and what tells data from pings."""

import pytest

from services.endpoints.domain.websocket import FRAMES, FrameMeter, asks_upgrade, is_accepted, is_handshake, protocols

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of section 1.3."""
ASK = {
    "upgrade": "websocket",
    "connection": "keep-alive, Upgrade",
    "sec-websocket-key": KEY,
    "sec-websocket-version": "13",
}
REPLY = {"upgrade": "WebSocket", "connection": "upgrade", "sec-websocket-accept": ACCEPT}


def test_the_handshake_of_the_rfc_is_one() -> None:
    assert asks_upgrade(ASK) and is_handshake("GET", ASK) and is_accepted(KEY, (), REPLY)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"sec-websocket-key": ""}, {"sec-websocket-key": "c2hvcnQ="}, {"sec-websocket-key": "!"}),
        *({"sec-websocket-version": "8"}, {"content-length": "5"}, {"transfer-encoding": "chunked"}),
    ],
)
def test_what_is_no_handshake_is_not_sent(wrong: dict[str, str]) -> None:
    assert not is_handshake("GET", ASK | wrong)
    assert not is_handshake("POST", ASK)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"upgrade": "h2c"}, {"connection": "close"}, {"sec-websocket-accept": "x"}),
        {"sec-websocket-protocol": "not-offered"},
    ],
)
def test_a_101_for_another_handshake_is_refused(wrong: dict[str, str]) -> None:
    assert not is_accepted(KEY, protocols("a, b"), REPLY | wrong)
    assert is_accepted(KEY, protocols("a, b"), REPLY | {"sec-websocket-protocol": "b"})


def frame(opcode: int, payload: bytes, masked: bool) -> bytes:
    size = len(payload)
    mask = 0x80 if masked else 0
    if size < 126:
        head = bytes([0x80 | opcode, mask | size])
    elif size < 1 << 16:
        head = bytes([0x80 | opcode, mask | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, mask | 127]) + size.to_bytes(8, "big")
    return head + (b"mask" if masked else b"") + payload


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_pings_are_told_from_data_however_the_bytes_arrive(masked: bool, step: int) -> None:
    meter = FrameMeter()

    def feed(data: bytes) -> bool:
        return True in [meter.feed(memoryview(data)[at : at + step])[1] for at in range(0, len(data), step)]

    pings = frame(0x9, b"\x81\x01x" * 20, masked) + frame(0xA, b"", masked) + frame(0x8, b"\x03\xe8", masked)
    assert not feed(pings)
    for size in (0, 5, 300, 70_000):
        assert feed(frame(0x2, b"\x89" * size, masked))
        assert not feed(pings)


@pytest.mark.parametrize("masked", [True, False])
def test_one_look_takes_a_bounded_number_of_frames_and_the_next_goes_on_behind_them(masked: bool) -> None:
    meter, ping = FrameMeter(), frame(0x9, b"", masked)
    flood = memoryview(ping * 5000 + frame(0x2, b"data", masked))
    looks = []
    while flood:
        looked, data = meter.feed(flood)
        looks.append((looked, data))
        flood = flood[looked:]
    whole, last = divmod(5001, FRAMES)
    assert looks[:whole] == [(FRAMES * len(ping), False)] * whole
    assert looks[whole:] == [((last - 1) * len(ping) + len(ping) + 4, True)]


def test_a_large_frame_is_one_look_whatever_it_holds() -> None:
    meter = FrameMeter()
    large = frame(0x2, b"\x89\x00" * (1 << 20), masked=False)
    for at in range(0, len(large), 1 << 18):
        piece = memoryview(large)[at : at + (1 << 18)]
        assert meter.feed(piece, frames=1)[0] == len(piece)
