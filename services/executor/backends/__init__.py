"""Where runs live: each backend keeps the promise of `protocol.Backend`."""
