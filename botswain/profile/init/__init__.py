"""What `init` proposes for a new environment: looks at the bot's repository, runs nothing, and writes the texts."""
