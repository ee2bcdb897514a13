"""`python -m services.logs`: the log service as a process of its own."""

from services.logs.app import build
from shared.runtime import main

main(build)
