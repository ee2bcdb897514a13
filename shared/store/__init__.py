"""Documents: one small port (`port.py`) and its two adapters, MongoDB for production, SQLite for one machine."""
