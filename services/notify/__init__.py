"""Tells people: questions to the operators as mails, and what happens to jobs as mails, webhooks and push messages."""
