"""What an API server says in place of an answer, as errors that say which kind: what passes, and what does not.

Whoever asks goes on after a `ClusterAway`, sooner or later, and tells an `ApiError` to whoever wants to know.
"""

from collections.abc import Mapping

from services.executor.domain.documents import parsed

_LONGEST_RETRY_AFTER_S = 30.0


class ClusterAway(OSError):
    """No answer, or one that says to come again later. `after_s`: when, if it says so."""

    def __init__(self, sentence: str, after_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.after_s = after_s


class TooMuch(ClusterAway):
    """The answer is larger than any that is read: ask for less at a time."""


class ApiError(Exception):
    """The API server refused: its status, its reason in one word, its sentence, and the causes that it names."""

    def __init__(self, status: int, reason: str, message: str, causes: tuple[str, ...] = ()) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes


def refusal(status: int, headers: Mapping[str, str], data: bytes) -> ApiError | ClusterAway:
    """401, 429 and 5xx are worth another try, all else is not."""
    try:
        said = parsed(data)
        reason, message = str(said.get("reason", "")), str(said.get("message", ""))
        causes = tuple(str(cause.get("reason", "")) for cause in (said.get("details") or {}).get("causes") or ())
    except (ValueError, AttributeError, TypeError):
        reason, message, causes = "", data[:500].decode(errors="replace"), ()
    if status in (401, 429) or status >= 500:
        after = headers.get("Retry-After", "")
        after_s = min(float(after), _LONGEST_RETRY_AFTER_S) if after.isdecimal() and len(after) < 10 else 0.0
        return ClusterAway(f"{status} {reason}: {message}", after_s)
    return ApiError(status, reason, message, causes)
