"""Streams into runs; the messages stand in `shared/contracts/streams.py`."""

from shared.contracts.commands.command import Command
from shared.contracts.streams import OpenStream, StreamTicket

OPEN_STREAM = Command("cmd.executor.open_stream.v1", OpenStream, StreamTicket, "A stream into a run on this node.")
