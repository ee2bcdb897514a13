"""Runs as pods of a Kubernetes cluster, one per rank. Imported only where that backend is chosen."""
