"""How much of the memory a connection to the API server takes: each run that lives has one open, for its log.

asyncio gives every TLS connection 256 KiB to decrypt into, ten thousand of them 2.5 GiB. A TLS record has 16 KiB at
most, so one fits here: a connection takes 52 KiB instead of 294, all of it counted.
"""

from asyncio import sslproto

BYTES = 16 * 1024


def keep_small() -> None:
    """For every TLS connection that this process opens from now on."""
    sslproto.SSLProtocol.max_size = BYTES
