"""What cogs share; no extension."""

SIDES = 6
