"""The JSON Schema of profile files, for editors; generated from the model."""

from __future__ import annotations

import json
from pathlib import Path

FILE = Path("profiles/profile.schema.json")


def text() -> str:
    """The schema as it belongs in FILE."""
    from botswain.profile.model import ProfileFile

    schema = ProfileFile.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "A Botswain profile"
    return json.dumps(schema, indent=2) + "\n"
