"""How much of the memory a connection to the API server takes: each run that lives has one open, for its log.

asyncio gives every TLS connection 256 KiB to decrypt into, ten thousand of them 2.5 GiB. Half a TLS record is enough:
long lists come in a few hundred pieces more. A log that is followed takes 73 KiB then, its connection and all that
copies and ships it, instead of 323; with a whole record 82, with a quarter 72.

What has come and nobody has read yet waits in aiohttp, up to twice `UNREAD`: a full disk stops all logs at once. The
client would let 4 MiB wait for each.
"""

from asyncio import sslproto

BYTES = 8 * 1024
"""Of a record's 16 KiB."""
UNREAD = 64 * 1024


def keep_small() -> None:
    """For every TLS connection that this process opens from now on."""
    sslproto.SSLProtocol.max_size = BYTES
