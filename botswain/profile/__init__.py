"""Profiles: one YAML file an environment, what it may say, and how it is read."""
