"""Pure decisions on consoles: which lines are new, which are kept, and what fits in an answer."""
