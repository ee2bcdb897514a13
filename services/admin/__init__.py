"""An operator's tool for an installation's data as a whole: backup, restore, migration, a new key of secrets."""
