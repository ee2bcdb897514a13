"""Streams into a run: the client of the executors' doorways, and what is said there before bytes flow."""
