"""The scheduler's decisions: pure functions over a snapshot of the yard, used live, in tests and in explanations."""
