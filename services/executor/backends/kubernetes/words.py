"""What the script that watches a lasting program says, taken apart: pure.

All of it can be forged by the run, whose own user the script is: then it deceives its owner about its own program. So
nothing here believes a size or a number, and a stream that is none of the script's is known by its first wrong byte.

    <token> said        then the end of what the program has written so far, then <token> over on a line
    <token> ended 3     then the end of all that it has written, until the stream ends
"""

from collections.abc import Sequence

from services.executor.backends.masking import MASK, Mask

LIMIT = 1 << 20
"""More is not kept of the last words; the script has three quarters of it at most."""

SAID_BYTES = 16_384
"""So much of the end of what a living program writes is told from time to time."""

_CODE_BYTES = 64
"""The line that ends a program is no longer."""


class Words:
    """`said`: the newest words; `code`: the exit code, once it has ended; `strange`: the script does not speak so."""

    def __init__(self, token: str) -> None:
        self._said = f"{token} said\n".encode()
        self._over = f"\n{token} over\n".encode()
        self._ended = f"{token} ended ".encode()
        self._rest = bytearray()
        """Less than a block of words takes, until the program has ended."""
        self.said: bytes | None = None
        self.code: int | None = None
        self.strange = False

    def feed(self, data: bytes) -> bool:
        """One more piece of the stream; whether there are new words, of a program that lives."""
        self._rest += data
        fresh = False
        while self.code is None and not self.strange:
            if self._rest.startswith(self._said):
                if not self._take_words():
                    break
                fresh = True
            elif self._rest.startswith(self._ended):
                if not self._take_code():
                    break
            else:
                self.strange = not any(begin.startswith(self._rest) for begin in (self._said, self._ended))
                break
        if self.strange:
            self._rest.clear()
        elif len(self._rest) > LIMIT:
            del self._rest[:-LIMIT]
        return fresh

    @property
    def whole(self) -> bool:
        """As much was said as is kept of the last words."""
        return self.code is not None and len(self._rest) >= LIMIT

    def last(self) -> bytes:
        """The words of a program that has ended."""
        return bytes(self._rest)

    def _take_words(self) -> bool:
        """Whether they have come to their end."""
        begin = len(self._said)
        most = begin + SAID_BYTES + len(self._over)
        end = self._rest.find(self._over, begin, most)
        if end < 0:
            self.strange = len(self._rest) >= most
            return False
        self.said = bytes(self._rest[begin:end])
        del self._rest[: end + len(self._over)]
        return True

    def _take_code(self) -> bool:
        """Whether all of it has come."""
        begin = len(self._ended)
        end = self._rest.find(b"\n", begin, begin + _CODE_BYTES)
        if end < 0:
            self.strange = len(self._rest) >= begin + _CODE_BYTES
            return False
        self.code = _code(bytes(self._rest[begin:end]))
        del self._rest[: end + 1]
        return True


def _code(word: bytes) -> int:
    """Whatever a run has put in the place of its program's exit code is no success."""
    text = word.strip()
    return int(text) if text.isdigit() and len(text) <= 3 and int(text) <= 255 else 255


def masked(data: bytes, hidden: Sequence[str], ended: bool) -> bytes:
    """Without the hidden texts, also where such a text is cut: at the beginning, of words that had others before them,
    and at the end, of a program that may be writing on.
    """
    cut = _cut(data, hidden) if len(data) >= SAID_BYTES else 0
    mask = Mask(hidden)
    shown = mask.feed(data[cut:])
    return (MASK if cut else b"") + shown + (mask.flush() if ended else b"")


def _cut(data: bytes, hidden: Sequence[str]) -> int:
    """How long the longest end of a hidden text is that the data begins with."""
    ends = (text.encode()[start:] for text in hidden for start in range(1, len(text.encode())))
    return max((len(end) for end in ends if data.startswith(end)), default=0)
