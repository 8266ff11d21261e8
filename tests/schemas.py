"""The published JSON Schemas: every document that a test makes Botswain print or store is held against them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "docs/schemas"


@cache
def validator(name: str) -> Any:
    """A validator for `manifest`, `plan` or `result`; the schemas refer to each other by file name."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    files = {path.name: json.loads(path.read_text()) for path in FOLDER.glob("*.schema.json")}
    for schema in files.values():
        Draft202012Validator.check_schema(schema)
    registry = Registry().with_resources((file, Resource.from_contents(schema)) for file, schema in files.items())
    return Draft202012Validator(files[f"{name}.schema.json"], registry=registry)


def faults(name: str, document: Any) -> list[str]:
    """What in a document is not as its schema says; of the result's kinds, the one that fits best is meant."""
    found = []
    for error in validator(name).iter_errors(document):
        best = error
        while best.context:
            tasks = [one for one in best.context if list(one.absolute_path) != ["task"]] or best.context
            best = max(tasks, key=lambda one: len(one.absolute_path))
        found.append(f"{'.'.join(str(part) for part in best.absolute_path) or 'the document'}: {best.message[:300]}")
    return found


def check(name: str, document: Any) -> None:
    """Fails with every fault."""
    told = faults(name, document)
    assert not told, f"not as docs/schemas/{name}.schema.json says: {told}"
