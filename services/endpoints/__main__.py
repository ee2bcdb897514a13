"""`python -m services.endpoints`: the endpoints service as a process of its own."""

from services.endpoints.app import build
from shared.runtime import main

if __name__ == "__main__":
    main(build)
