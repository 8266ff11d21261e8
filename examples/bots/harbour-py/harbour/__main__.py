"""`python -m harbour` runs the bot until it is told to stop."""

import asyncio
import logging
import os
import sys
from typing import NoReturn

from harbour import log, run
from harbour.settings import BadSettings, Settings


def main() -> int:
    """Runs the bot and returns its exit code; the README lists them."""
    log.start()
    try:
        settings = Settings.read(os.environ)
    except BadSettings as error:
        log.logger.critical(str(error))
        return run.BAD_SETTINGS
    log.start(settings.log_level, secret=settings.token)
    return asyncio.run(run.run(settings))


def end(code: int) -> NoReturn:
    """Ends the process at once.

    All is closed by now. Taking every module apart would cost a fifth of a restart, in which nobody answers.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    end(main())
