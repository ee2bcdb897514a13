"""The scheduler as its own process: `python -m services.scheduler`."""

from services.scheduler.app import build
from shared.runtime import main

if __name__ == "__main__":
    main(build)
