"""The task that lists the stored live snapshots: backups."""

from __future__ import annotations

import sys
from typing import Any

from botswain.cli.task import emit, environment, task


@task(limit="of how many deployments, newest first; 0 for all")
def backups(_context: Any, env: str = "", limit: int = 20, json: bool = False, debug: bool = False) -> None:
    """List the live commands that were stored before each deployment.

    They are what a rollback restores from.
    """
    from botswain.deployment.session import Session
    from botswain.deployment.snapshots import stored

    session = Session.open(environment(env), records_only=True)
    found = stored(session.records, limit)
    notes = session.records.store.notes
    if json:
        told = {"snapshots": [one.to_json() for one in found], "notes": list(notes)}
        emit({"task": "backups", "environment": session.profile.name, **told, "exitCode": 0})
        return
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    if not found:
        print("no snapshot yet: the first deployment that writes to Discord stores one")
        return
    from botswain.cli.style import paint_for
    from botswain.cli.tables import snapshots_table

    print(*snapshots_table(found, paint_for(sys.stdout)), sep="\n")
