"""The scheduler: decides who runs, and says why the others wait."""
