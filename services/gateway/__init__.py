"""The gateway: HTTP for people and frontends; owns accounts and keys, and asks the other services for all the rest."""
