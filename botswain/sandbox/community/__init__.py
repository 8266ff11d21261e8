"""What bots see beside commands: guilds, people, channels, and the messages in them."""
