"""`python -m botswain.sandbox --port N [--state FOLDER]`: serves in the foreground.

The first line on stdout is `{"url": "http://127.0.0.1:N"}`, written once connections are accepted.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from botswain.errors import BotswainError
from botswain.sandbox.app import Sandbox
from botswain.sandbox.server import serve


def main() -> int:
    """Runs the server; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m botswain.sandbox", description="A local double of Discord.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--state", type=Path, default=None, help="folder to keep state in; default: memory")
    options = parser.parse_args()
    try:
        serve(Sandbox(options.state), options.port, ready=_announce)
    except BotswainError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.code)
    return 0


def _announce(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
