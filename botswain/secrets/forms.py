"""The spellings in which a secret value turns up in text: as it is, escaped, quoted, encoded."""

from __future__ import annotations

import re

MINIMUM = 6
"""Characters of the shortest value that is looked for: a shorter one would cover half of every text."""
_LINE = 12
"""Characters of the shortest line of a multi-line secret that is looked for by itself."""
_SAFE_SETS = ("", "/", "~", "!$&'()*+,;=", "!$&'()*+,;=:@", "!$&'()*+,;=:@/?")
"""What the usual URL libraries leave unquoted, in a query, in a path and in userinfo."""
_COMMON = re.compile(r"[A-Za-z_]{1,12}|[0-9a-f]{1,12}|[0-9]{1,20}")


def is_common(form: str) -> bool:
    """Say whether ordinary documents contain it: a plain word, a Discord id, a piece of a hash.

    `postgres` is a usual password of a test database and also a word of every manifest about it.
    """
    return _COMMON.fullmatch(form) is not None


def forms(value: str) -> set[str]:
    """Return all spellings of a value, none shorter than MINIMUM."""
    import json

    values = {value, value.strip()}
    if "\n" in value.strip():
        values |= {line for line in value.splitlines() if len(line) >= _LINE and not line.startswith("-----")}
    found = set(values)
    for one in values:
        found |= _quoted(one) | _base64(one) | {repr(one)[1:-1]}
        for ascii_only in (True, False):
            once = json.dumps(one, ensure_ascii=ascii_only)[1:-1]
            found |= {once, json.dumps(once, ensure_ascii=ascii_only)[1:-1], once.replace("/", "\\/")}
    return {form for form in found if len(form) >= MINIMUM}


def _quoted(value: str) -> set[str]:
    from urllib.parse import quote, quote_plus

    found = {quote(value, safe=safe, errors="surrogateescape") for safe in _SAFE_SETS}
    found.add(quote_plus(value, errors="surrogateescape"))
    return found | {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), form) for form in found}


def _base64(value: str) -> set[str]:
    """Encode it at each of the three places where it may stand in something longer, such as `user:value`.

    Characters that depend on the neighbours are left out.
    """
    from base64 import b64encode

    data = value.encode("utf-8", "surrogateescape")
    alone = b64encode(data).decode()
    found = {alone, alone.rstrip("=")}
    for before in range(3):
        padded = b64encode(b"\0" * before + data).decode().rstrip("=")
        first = (before * 8 + 5) // 6
        whole = (before + len(data)) * 8 // 6
        found.add(padded[first:whole])
    return found | {form.replace("+", "-").replace("/", "_") for form in found}
