"""The figure of backups: all that `backup.run` does, against a plain dump of the same database in the same run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, at_most, noise
from tests.postgres import Cluster, installed, someone

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUNS = 5
_ROWS_OF_A_BOT = """
CREATE TABLE events (id bigserial PRIMARY KEY, guild bigint, member bigint, at timestamptz, body text);
INSERT INTO events (guild, member, at, body)
SELECT 100000000000000000 + (i::bigint * 7919) % 500, 200000000000000000 + (i::bigint * 104729) % 100000,
       now() - i * interval '1 second',
       md5(i::text) || repeat(chr(97 + i % 26), i % 120) || md5((i::bigint * 31)::text)
FROM generate_series(1, 1000000) i;
CREATE INDEX ON events (guild, at);
"""


def dumps() -> list[Figure]:
    """Dump, count, read back, copy and hash the copy / `pg_dump -Fc` into a file."""
    major, programs = next(iter(installed().items()))
    cluster, folder = Cluster(major, programs), Path(tempfile.mkdtemp(prefix="botswain-dumps-"))
    try:
        cluster.sql("CREATE DATABASE bot")
        cluster.sql(_ROWS_OF_A_BOT, "bot")
        pairs = list(_pairs(cluster, folder))
    finally:
        cluster.end()
        shutil.rmtree(folder)
    ratios = sorted(ours / plain for ours, plain in pairs)
    noise("backup.run", [ours for ours, _ in pairs], "s")
    noise("pg_dump -Fc", [plain for _, plain in pairs], "s")
    return [at_most("backup.run with read-back and copy / pg_dump -Fc", ratios[len(ratios) // 2], "x", 0.6)]


def _pairs(cluster: Cluster, folder: Path) -> Iterator[tuple[float, float]]:
    (folder / "second").mkdir()
    settings = {
        "environment": "bench", "database": "bot", "user": "postgres", "host": str(cluster.folder),
        "port": cluster.port, "folder": str(folder / "backups"), "run_as": someone(), "bin": str(cluster.programs),
        "copy_to": [str(folder / "second")], "keep": {"last": 1, "daily": 0, "weekly": 0, "monthly": 0},
    }  # fmt: skip
    configuration = folder / "bench.json"
    configuration.write_text(json.dumps(settings))
    ours = [sys.executable, "-m", "botswain.backup", "--config", str(configuration), "run", "--quiet"]
    plain = [str(cluster.programs / "pg_dump"), "-Fc", "-h", str(cluster.folder), "-p", str(cluster.port),
             "-U", "postgres", "-f", str(folder / "plain.dump"), "bot"]  # fmt: skip
    for _ in range(_RUNS):
        yield _seconds(ours), _seconds(plain)


def _seconds(argv: list[str]) -> float:
    begun = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


MEASUREMENTS = {"dumps": dumps}
