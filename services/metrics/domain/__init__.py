"""What the metrics service decides: pure, without I/O, clock or randomness."""
