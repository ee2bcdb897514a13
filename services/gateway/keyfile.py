"""Where the keys of secrets come from: a variable, a file that is named, or `<data>/secret-key`, made when needed."""

from pathlib import Path

from services.gateway.settings import GatewaySettings
from shared.private_files import create_private
from shared.secret_keys import FILE, keys_at, keys_in, new_key


class KeyFile:
    """The keys as they are configured."""

    def __init__(self, settings: GatewaySettings, data: Path) -> None:
        self._given = settings.secret_key
        self._named = settings.secret_key_file
        self.path = self._named or data / FILE

    def read(self, *, make: bool) -> tuple[bytes, ...] | None:
        """The keys, the newest first; none if there are none yet. `make`: then there are, on disk before they are used.

        Raises OSError, BadKey. Blocks.
        """
        if self._given is not None:
            return keys_in(self._given.get_secret_value(), "JOBYARD_GATEWAY_SECRET_KEY")
        if self._named is None and not self.path.exists():
            if not make:
                return None
            create_private(self.path, new_key() + "\n")
        return keys_at(self.path)
