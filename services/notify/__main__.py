"""`python -m services.notify`: the notify service as a process of its own."""

from services.notify.app import build
from shared.runtime import main

if __name__ == "__main__":
    main(build)
