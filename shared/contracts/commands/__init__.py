"""Commands: requests to one owner, which may refuse them, by what they are about."""
