"""NATS: commands as request/reply (FastStream), events and logs through JetStream (plain nats-py, in lists)."""
