"""Interactions: a person uses a command, the bot answers in time or does not."""
