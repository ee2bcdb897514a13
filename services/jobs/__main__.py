"""The jobs service as its own process: `python -m services.jobs`."""

from services.jobs.app import build
from shared.runtime import main

if __name__ == "__main__":
    main(build)
