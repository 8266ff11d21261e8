"""What the controller does with a bot's database: its backups, here and on its host."""
