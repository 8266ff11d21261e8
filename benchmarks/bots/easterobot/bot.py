"""What the owner of an Easterobot writes; `easterobot generate data` made the configuration."""

from easterobot.bot import Easterobot

bot = Easterobot.from_config("data/config.yml")
