"""The hosts that a bot runs on: which there are, and what is installed on them."""
