"""Harbour: a small Discord bot that is good at being run."""

__version__ = "1.0.0"
