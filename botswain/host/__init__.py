"""What runs where the bot runs: releases, their ledger, the switch from one to another, and the way back.

The controller imports it for this machine and sends it to others, where it also works by hand. So it needs nothing
but the standard library and Python 3.9, and nothing else of Botswain.
"""
