"""A local double of Discord's HTTP API for application commands, for development and tests."""
