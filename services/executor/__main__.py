"""The executor as its own process: `python -m services.executor`. The standard event loop, since it spawns."""

from services.executor.app import build
from shared.runtime import main

if __name__ == "__main__":
    main(build, loop="asyncio")
