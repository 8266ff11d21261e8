"""Botswain ships Discord bots: it plans, deploys, watches, backs up and rolls back."""

__version__ = "0.1.0"
