"""What a run has used: by its control groups where it has some, else by its process tree; and its last words on it.

`Meter` answers the executor while a run lives, `totals` is what the supervisor leaves behind when the run is over.
"""
