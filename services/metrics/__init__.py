"""Keeps what jobs use: their last hour in memory, and what they have used in all for ever."""
