"""Pure decisions about endpoints: no I/O, no clock, no random."""
