"""Keeps the last 2000 lines of every job's console: in memory while it is busy, on disk for ever."""
