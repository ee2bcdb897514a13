"""A new key of secrets on top of the old ones. The gateway's next start seals everything with it."""

import os
from pathlib import Path

from services.admin.refused import Refused
from shared.private_files import write_private
from shared.secret_keys import FILE, BadKey, keys_at, new_key

VARIABLE = "JOBYARD_GATEWAY_SECRET_KEY"


def rotate(data: Path) -> Path:
    """Change the key file; where it is. Raises Refused, OSError."""
    if os.environ.get(VARIABLE):
        raise Refused(f"The keys stand in {VARIABLE}. Put a new one in front there (`openssl rand -base64 32`).")
    path = Path(os.environ.get(f"{VARIABLE}_FILE") or data / FILE)
    try:
        keys_at(path)
    except FileNotFoundError:
        raise Refused(f"There is no key at {path} yet. The gateway's first start makes it.") from None
    except BadKey as error:
        raise Refused(f"{error} Nothing was changed.") from None
    write_private(path, f"{new_key()}\n{path.read_text()}")
    return path
