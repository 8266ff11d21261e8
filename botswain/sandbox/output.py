"""What a client gets to see of a record: lists leave localizations out unless asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.discord.enums import LOCALES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botswain.sandbox.model import Request
    from botswain.sandbox.record import Record


def listing(records: Iterable[Record], request: Request) -> list[Record]:
    """The answer to a list request. Without `with_localizations` only the caller's own language shows."""
    if request.flag("with_localizations"):
        return list(records)
    locale = caller_locale(request)
    return [_plain(record, locale) for record in records]


def caller_locale(request: Request) -> str:
    """The language a client asks for: `X-Discord-Locale`, else the first of `Accept-Language`, else none."""
    asked = request.header("x-discord-locale") or request.header("accept-language").split(",")[0].split(";")[0]
    return asked.strip() if asked.strip() in LOCALES else ""


def _plain(part: Record, locale: str) -> Record:
    """A copy without localization maps, at every depth."""
    copy: dict[str, Any] = {}
    for key, value in part.items():
        if key in {"name_localizations", "description_localizations"}:
            if locale and value and locale in value:
                copy[key.replace("localizations", "localized")] = value[locale]
        elif key in {"options", "choices"}:
            copy[key] = [_plain(child, locale) for child in value]
        else:
            copy[key] = value
    return copy
