"""Asks this container's own health port whether its services can work: `python -m shared.probe`, for orchestrators.

Exits with 0 if they can. Standard library only, so that it costs little though it is asked often.
"""

import http.client
import os
import sys

PATIENCE_S = 4.0


def ready(port: int) -> bool:
    """Whether `/readyz` answers 200. Raises OSError when nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def main() -> int:
    try:
        return 0 if ready(int(os.environ.get("JOBYARD_HEALTH_PORT") or 9464)) else 1
    except (OSError, http.client.HTTPException):
        return 1


if __name__ == "__main__":
    sys.exit(main())
