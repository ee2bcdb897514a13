"""What the script that watches a lasting program says, taken apart: pure, and careful with what the program can forge.

<token> said        then the end of what the program has written so far, then <token> over on a line
<token> ended 3     then the end of all that it has written, until the stream ends
"""

LIMIT = 4 << 20
"""More is not kept of what is said, and nobody is believed who says it."""


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

    def last(self) -> bytes:
        """The words of a program that has ended."""
        return self._rest


def _code(word: bytes) -> int:
    """Whatever a run has put in the place of its program's exit code is no success."""
    text = word.strip()
    return int(text) if text.isdigit() and len(text) <= 3 and int(text) <= 255 else 255
