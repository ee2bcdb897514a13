"""Runs jobs on this node: one run per attempt, in a backend, reported as it is observed."""
