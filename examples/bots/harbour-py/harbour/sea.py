"""What a bot needs to know of the sea; nothing of Discord."""

import json
import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path

_DATA = Path(__file__).parent / "data"
_EARTH = 3440.065
"""Its mean radius in nautical miles."""
_WATCHES = ("middle", "morning", "forenoon", "afternoon")
_SPELLING = json.loads((_DATA / "spelling.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Harbour:
    """A harbour by its UN/LOCODE; degrees, north and east positive."""

    code: str
    name: str
    latitude: float
    longitude: float

    @property
    def position(self) -> str:
        """As on a chart: `53°32′N 9°58′E`."""
        return f"{_angle(self.latitude, 'N', 'S')} {_angle(self.longitude, 'E', 'W')}"


def _angle(degrees: float, positive: str, negative: str) -> str:
    minutes = round(abs(degrees) * 60)
    return f"{minutes // 60}°{minutes % 60:02}′{positive if degrees >= 0 else negative}"


HARBOURS = tuple(Harbour(**one) for one in json.loads((_DATA / "harbours.json").read_text(encoding="utf-8")))


def plain(text: str) -> str:
    """Lower case without accents, to compare what people type."""
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def find_harbour(text: str) -> Harbour | None:
    """A harbour by its code or name."""
    wanted = plain(text)
    return next((one for one in HARBOURS if wanted in (plain(one.code), plain(one.name))), None)


def matching_harbours(text: str, most: int) -> list[Harbour]:
    """Harbours whose name or code has the text in it; those that begin with it come first."""
    wanted = plain(text)
    found = [one for one in HARBOURS if wanted in plain(one.name) or wanted in plain(one.code)]
    return sorted(found, key=lambda one: (not plain(one.name).startswith(wanted), plain(one.name)))[:most]


def distance(start: Harbour, end: Harbour) -> float:
    """Nautical miles along the great circle."""
    north, south = math.radians(start.latitude), math.radians(end.latitude)
    east = math.radians(end.longitude - start.longitude)
    half = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(east / 2) ** 2
    return 2 * _EARTH * math.asin(math.sqrt(half))


def bearing(start: Harbour, end: Harbour) -> float:
    """The first heading along the great circle, in degrees from north, clockwise."""
    north, south = math.radians(start.latitude), math.radians(end.latitude)
    east = math.radians(end.longitude - start.longitude)
    across = math.sin(east) * math.cos(south)
    along = math.cos(north) * math.sin(south) - math.sin(north) * math.cos(south) * math.cos(east)
    return math.degrees(math.atan2(across, along)) % 360


def duration(miles: float, knots: float) -> str:
    """How long it takes: `2 d 3 h 20 min`."""
    minutes = max(1, round(miles / knots * 60))
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def bells(hour: int, minute: int) -> int:
    """How many bells were struck last: one more each half hour of a watch, up to eight."""
    halves = hour * 2 + minute // 30
    if halves in (37, 38, 39):  # the last dog watch begins again, and ends with eight all the same
        return halves - 36
    return halves % 8 or 8


def strokes(number: int) -> str:
    """Bells are struck in pairs."""
    return " ".join(["🔔🔔"] * (number // 2) + ["🔔"] * (number % 2))


def watch(hour: int) -> str:
    """The watch that is on deck, as the catalogue of texts knows it."""
    if hour >= 20:
        return "first"
    if hour >= 16:
        return "first dog" if hour < 18 else "last dog"
    return _WATCHES[hour // 4]


def spelled(text: str, most: int = 100) -> str:
    """The text in the spelling alphabet, a word to a line; what has no word in it is left out."""
    lines, letters = [], 0
    for word in plain(text).upper().split():
        names = [_SPELLING[letter] for letter in word if letter in _SPELLING][: most - letters]
        letters += len(names)
        if names:
            lines.append(" ".join(names))
    return "\n".join(lines) + ("\n…" if letters >= most else "")
