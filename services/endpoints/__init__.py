"""The endpoints service: ways into a running job."""
