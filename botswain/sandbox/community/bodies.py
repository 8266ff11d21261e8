"""Bodies with files: multipart forms whose `payload_json` is the JSON, and plain JSON alike."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botswain.sandbox.answers import ApiError, form_error, leaf
from botswain.sandbox.forms import Form

if TYPE_CHECKING:
    from botswain.sandbox.router import Call

_FILE = re.compile(r"files\[(\d+)\]")


@dataclass(frozen=True)
class Upload:
    """A file that came with a message; its content is not kept."""

    key: str
    """What the body's `attachments` call it by `id`."""
    filename: str
    content_type: str
    size: int


def read(call: Call) -> tuple[dict[str, Any], list[Upload]]:
    """The JSON object of a request and the files that came with it."""
    kind = call.request.header("content-type")
    if not kind.lower().startswith("multipart/form-data"):
        return _object(call.json()), []
    payload: Any = {}
    uploads = []
    for name, filename, content_type, content in _parts(kind, call.request.body):
        if name == "payload_json":
            try:
                payload = json.loads(content)
            except ValueError as error:
                raise ApiError(400, 50109, "The request body contains invalid JSON.") from error
        elif match := _FILE.fullmatch(name):
            uploads.append(Upload(match[1], filename or "unknown", content_type, len(content)))
    return _object(payload), uploads


def _object(value: Any) -> dict[str, Any]:
    form = Form()
    fields = form.model((), value)
    if fields is None:
        raise form_error(form.errors)
    return fields


def _parts(kind: str, body: bytes) -> list[tuple[str, str, str, bytes]]:
    """Name, file name, content type and content of every part."""
    from email.parser import BytesParser
    from email.policy import HTTP

    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    if not message.is_multipart():
        raise form_error(leaf("CONTENT_TYPE_INVALID", "The multipart body cannot be read."))
    found = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        name = part.get_param("name", "", header="content-disposition")
        raw = content if isinstance(content, bytes) else b""
        found.append((str(name), part.get_filename() or "", part.get_content_type(), raw))
    return found
