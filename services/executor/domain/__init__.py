"""Pure decisions of the executor: who fits, what a run finds in its environment, how output becomes lines."""
