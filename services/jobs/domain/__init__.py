"""Pure decisions on jobs: no I/O, no clock, no randomness."""
