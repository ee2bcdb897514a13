"""What the services agree on: contracts, bus, store, settings, logging, clock and the runtime that joins them."""
