"""Runs as processes of this machine, each under a small supervisor that outlives the executor.

`spawner` and `supervisor` run in processes of their own and import the standard library and one another only: what
they import, every supervisor carries.
"""
