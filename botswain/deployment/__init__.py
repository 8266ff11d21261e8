"""The deployment transaction: what is wanted, what would happen, who agreed, and how it is done or undone."""
