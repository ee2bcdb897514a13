"""`python -m services.metrics`: the metrics service as a process of its own."""

from services.metrics.app import build
from shared.runtime import main

if __name__ == "__main__":
    main(build)
