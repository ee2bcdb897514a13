"""Where the platform is, and who is asking: the address, the saved logins, and the sign-in on the same machine.

Logins are kept in `~/.config/jobyard/credentials.json` (below `XDG_CONFIG_HOME` if that is set), readable by their
owner only, keyed by the platform's address: a token is never sent to another address than its own.
"""

import contextlib
import fcntl
import ipaddress
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from jobyard.errors import JobyardError

DEFAULT_URL = "http://127.0.0.1:8080"
ADMIN = "admin"
URL_FILE = "url"
"""In the data folder of a platform that runs: where it listens."""

URL_LENGTH = 200


@dataclass(frozen=True)
class Login:
    """A token and whose it is. `automatic`: got from the admin password on this machine, not by `jobyard login`."""

    token: str
    username: str
    expires_at: str
    automatic: bool = False

    @property
    def expired(self) -> bool:
        return datetime.fromisoformat(self.expires_at) <= datetime.now(UTC)


def normal_url(url: str) -> str:
    """The address in one form, so that it can be a key: no slash at the end, no path beyond it, no password in it.

    Raises JobyardError if it is no http or https address.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise JobyardError(f"'{url}' is no address; write it like {DEFAULT_URL}.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise JobyardError(f"'{url}' is no address; write it like {DEFAULT_URL}.")
    return str(parsed.copy_with(username=None, password=None, query=None, fragment=None)).rstrip("/")


def is_local(url: str) -> bool:
    """Whether the address is this machine's own loopback, so that its data folder may be this machine's too."""
    host = httpx.URL(url).host
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class LoginFile:
    """The saved logins. A file that cannot be read counts as empty; writing replaces it whole, under a lock."""

    def __init__(self, path: Path | None = None) -> None:
        config = os.environ.get("XDG_CONFIG_HOME")
        self.path = path or (Path(config) if config else Path.home() / ".config") / "jobyard" / "credentials.json"

    def current_url(self) -> str | None:
        """The address of the last `jobyard login`."""
        current = self._read().get("current")
        return current if isinstance(current, str) else None

    def get(self, url: str) -> Login | None:
        """The login for this address, unless it has expired."""
        try:
            login = Login(**self._read()["logins"][url])
            return None if login.expired else login
        except (KeyError, TypeError, ValueError):
            return None

    def put(self, url: str, login: Login) -> None:
        """Keep the login; one that somebody asked for makes its address the default. Raises OSError."""
        with self._locked():
            content = self._read()
            logins = {key: value for key, value in content.get("logins", {}).items() if _lasts(value)}
            logins[url] = asdict(login)
            current = content.get("current") if login.automatic else url
            self._write({"current": current, "logins": logins})

    def forget(self, url: str) -> None:
        with self._locked():
            content = self._read()
            content.get("logins", {}).pop(url, None)
            if content.get("current") == url:
                content["current"] = None
            self._write(content)

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) and isinstance(content.get("logins"), dict) else {}

    def _write(self, content: dict[str, Any]) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".credentials-")
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(content, file, indent=2)
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(self.path.parent / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _lasts(login: object) -> bool:
    try:
        return isinstance(login, dict) and not Login(**login).expired
    except (TypeError, ValueError):
        return False


def resolve_url(argument: str | None, logins: LoginFile) -> str:
    """From the argument, `JOBYARD_URL`, the saved login, the data folder here, or this machine's default."""
    chosen = argument or os.environ.get("JOBYARD_URL") or logins.current_url()
    return normal_url(chosen or local_url() or DEFAULT_URL)


def data_folder() -> Path:
    """Where `jobyard up` keeps everything if it was started here."""
    return Path(os.environ.get("JOBYARD_DATA") or ".jobyard")


def local_url() -> str | None:
    """Where the platform that was started here listens, as `jobyard up` has left it in its data folder.

    Only this machine, and only by the word of the same user (or root): a folder that came from elsewhere sends nobody
    anywhere.
    """
    try:
        with (data_folder() / URL_FILE).open() as file:
            url = file.read(URL_LENGTH).strip()
            if os.fstat(file.fileno()).st_uid in (os.getuid(), 0) and is_local(url):
                return normal_url(url)
    except (OSError, ValueError, httpx.InvalidURL, JobyardError):
        pass
    return None


def local_admin_password(url: str) -> str | None:
    """The password that `jobyard up` left in its data folder, for the platform on this machine only."""
    if not is_local(url):
        return None
    try:
        return (data_folder() / "admin-password").read_text().strip() or None
    except (OSError, ValueError):
        return None
