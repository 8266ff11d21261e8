"""Where a bot's commands are defined, and how they are read: files, or the bot's own code in a process of its own."""
