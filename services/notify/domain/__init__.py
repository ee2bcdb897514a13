"""What the notify service decides: pure, without I/O, clock or randomness."""
