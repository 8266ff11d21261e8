"""Typed commands: how people write them, Discord's rules checked offline, the canonical form, and sources."""
