"""The gateway's pure decisions: who may do what, what is wrong with a request, how often is too often."""
