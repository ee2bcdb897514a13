"""Readings of a pod's log that are broken off anywhere and taken up again: the file has each byte once, and masked."""

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.executor.backends.frames import LOST, STDERR, STDOUT, frame, split
from services.executor.backends.kubernetes.output_file import OutputFile
from services.executor.backends.kubernetes.reading import LogReading
from services.executor.backends.kubernetes.room import Room
from services.executor.domain.pod_log import Position
from shared.contracts.masking import masked

START = 1_796_385_600
MOST_BYTES = 1 << 17


class Log:
    """As a kubelet gives it: lines with their moments, from a whole second on."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, bytes]] = []

    def write(self, tenths: int, text: bytes) -> None:
        self._lines.append((tenths, text))

    def since(self, position: Position) -> bytes:
        second = position.time_ns // 1_000_000_000
        return b"".join(_stamp(tenths) + text for tenths, text in self._lines if START + tenths // 10 >= second)


def _stamp(tenths: int) -> bytes:
    moment = datetime.fromtimestamp(START + tenths // 10, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{tenths % 10}00000000Z ".encode()


def shown(frames: bytes) -> bytes:
    return b"".join(data for kind, _, data in split(frames)[0] if kind == STDOUT)


class Copy:
    """The frames that were stored, and how far that is."""

    def __init__(self, hidden: tuple[str, ...] = ()) -> None:
        self.frames = b""
        self.position = Position()
        self._hidden = hidden

    def read(self, log: Log, most: int | None = None) -> None:
        """Of the log at most so many bytes; all of it is read to its end."""
        reading, data = LogReading(self.position, self._hidden), log.since(self.position)
        self._store(reading.feed(data[:most]))
        if most is None:
            self._store(reading.end())

    def _store(self, frames: bytes) -> None:
        for kind, time_ns, data in split(frames)[0]:
            if kind == STDOUT:
                self.position = self.position.after(time_ns, data)
        self.frames += frames


LINES = st.lists(
    st.tuples(st.integers(0, 12), st.text("ab s3cret\r", max_size=20).map(lambda text: text.encode() + b"\n")),
    max_size=12,
)


@given(LINES, st.lists(st.integers(0, 600), max_size=6), st.sampled_from([(), ("s3cret",), ("a", "b s")]))
def test_a_log_that_is_broken_off_anywhere_is_stored_once_and_masked(
    lines: list[tuple[int, bytes]], cuts: list[int], hidden: tuple[str, ...]
) -> None:
    log, copy = Log(), Copy(hidden)
    for number, (_, text) in enumerate(sorted(lines, key=lambda line: line[0])):
        log.write(sorted(line[0] for line in lines)[number] * 3 + number, text)
    for cut in cuts:
        copy.read(log, cut)
    copy.read(log)
    copy.read(log)
    written = b"".join(text for _, text in sorted(lines, key=lambda line: line[0]))
    assert shown(copy.frames) == masked(written, [text.encode() for text in hidden], b"***")
    assert all(kind == STDOUT for kind, _, _ in split(copy.frames)[0])


def test_what_was_removed_before_it_was_read_is_said_once() -> None:
    log, later, copy = Log(), Log(), Copy()
    log.write(0, b"first\n")
    copy.read(log)
    later.write(5, b"later\n")
    copy.read(later)
    copy.read(later)
    kinds = [kind for kind, _, _ in split(copy.frames)[0]]
    assert kinds == [STDOUT, STDOUT | LOST, STDERR, STDOUT]
    assert shown(copy.frames) == b"first\nlater\n"


def test_a_line_of_any_length_is_stored_as_it_comes() -> None:
    reading = LogReading(Position(), ())
    frames = reading.feed(_stamp(0) + b"x" * MOST_BYTES)
    assert len(shown(frames)) == MOST_BYTES
    assert shown(reading.feed(b"x" * MOST_BYTES)) == b"x" * MOST_BYTES, "nothing of it is kept back"


# --- the file


def test_a_file_knows_where_its_log_goes_on_and_drops_what_was_not_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "output"
    OutputFile(path, Room(tmp_path)).append(frame(STDOUT, 5, b"a\n") + frame(STDOUT, 9, b"begun"))
    whole = path.read_bytes()
    path.write_bytes(whole + frame(STDOUT, 9, b" and more")[:-2])
    file = OutputFile(path, Room(tmp_path))
    assert file.position == Position(9, 1, 5, ended=False)
    assert path.read_bytes() == whole
    file.append(frame(STDOUT, 9, b"\n"))
    assert OutputFile(path, Room(tmp_path)).position == file.position == Position(9, 1, 6, ended=True)


def test_a_sentence_at_the_end_is_added_once_and_is_no_line_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "output"
    for _ in range(2):
        file = OutputFile(path, Room(tmp_path))
        file.add_sentence(7, "Out of memory.")
        file.add_sentence(7, "The end is missing.")
    assert [data for _, _, data in split(path.read_bytes())[0]] == [b"Out of memory.\n", b"The end is missing.\n"]
    assert file.position == Position()
