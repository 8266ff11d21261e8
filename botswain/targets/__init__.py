"""Where the bot's service runs: one module a target, behind one protocol (base.py)."""
