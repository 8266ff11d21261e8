"""What fails on the bot's machine, in the words of the rest of Botswain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botswain.host.errors import HostError
from botswain.host.switch import Failed, Stuck
from botswain.targets.base import ServiceError, ServiceRolledBack, ServiceStuck


@contextmanager
def translated() -> Iterator[None]:
    """Turn a HostError inside into the ServiceError that it is."""
    try:
        yield
    except Failed as error:
        told = ServiceRolledBack(error.what, where=error.where, fix=error.fix, log=error.log, previous=error.previous)
        told.seconds, told.killed = error.seconds, error.killed
        raise told from error
    except Stuck as error:
        raise ServiceStuck(error.what, where=error.where, fix=error.fix, log=error.log) from error
    except HostError as error:
        raise ServiceError(error.what, where=error.where, fix=error.fix, log=error.log) from error
