"""What the script that watches a lasting program says, taken apart: pure.

All of it can be forged by the run, whose own user the script is: then it deceives its owner about its own program. So
nothing here believes a size or a number.

    <token> said        then the end of what the program has written so far, then <token> over on a line
    <token> ended 3     then the end of all that it has written, until the stream ends
"""

from collections.abc import Sequence

from services.executor.backends.masking import MASK, Mask

LIMIT = 4 << 20
"""More is not kept of what is said, and nobody is believed who says it."""

SAID_BYTES = 16_384
"""So much of the end of what a living program writes is told from time to time."""


class Words:
    """`said`: the newest words; `code`: the exit code, once it has ended."""

    def __init__(self, token: str) -> None:
        self._said = f"{token} said\n".encode()
        self._over = f"\n{token} over\n".encode()
        self._ended = f"{token} ended ".encode()
        self._rest = b""
        self.said: bytes | None = None
        self.code: int | None = None

    def feed(self, data: bytes) -> bool:
        """One more piece of the stream; whether there are new words, of a program that lives."""
        self._rest = (self._rest + data)[-LIMIT:]
        fresh = False
        while self.code is None:
            if self._rest.startswith(self._said):
                words, over, rest = self._rest.removeprefix(self._said).partition(self._over)
                if not over:
                    break
                self.said, self._rest, fresh = words, rest, True
            elif self._rest.startswith(self._ended):
                line, end, rest = self._rest.partition(b"\n")
                if not end:
                    break
                self.code, self._rest = _code(line.removeprefix(self._ended)), rest
            else:
                break
        return fresh

    @property
    def whole(self) -> bool:
        """As much was said as is kept of the last words."""
        return self.code is not None and len(self._rest) >= LIMIT

    def last(self) -> bytes:
        """The words of a program that has ended."""
        return self._rest


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
