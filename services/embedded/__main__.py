"""`python -m services.embedded`."""

import sys

from services.embedded.up import up

if __name__ == "__main__":
    up(sys.argv[1:])
