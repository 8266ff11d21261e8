"""The engine's door: people by hand, the controller, the guard, and the bot's manager come in here.

    botswain-host [BOT] status|releases|rollback|settle|start|stop|restart …     people; see hand.py
    botswain-host FOLDER do               the controller: a request on stdin, an answer on stdout; see orders.py
    botswain-host FOLDER guard TOKEN UNTIL     the guard of a switch
    botswain-host FOLDER launch           the manager: becomes the bot

From a checkout it is `python -m botswain.host`. What is not needed is not imported: a start of the bot waits for it.
"""

from __future__ import annotations

import os
import signal
import sys


def main(arguments: list[str] | None = None) -> int:
    """Do what the words say; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[1:] == ["launch"]:
        from botswain.host import launch

        launch.main(words[:1], kept=True)
    if words[1:] == ["do"] or words[1:2] == ["guard"]:
        from botswain.host import machine

        return machine.main(words)
    from botswain.host import hand

    return hand.main(words)


def run() -> None:
    """The entry point of a zipapp, which ends with the exit code."""
    os.umask(0o022)
    if sys.argv[2:] != ["launch"]:  # a session that is cut off must not cut off a switch, nor may the bot learn this
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.exit(main())


if __name__ == "__main__":
    run()
