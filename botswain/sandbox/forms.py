"""Checks of single values, collecting every complaint under its path as Discord's 50035 nests them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.discord.enums import LOCALES

if TYPE_CHECKING:
    from collections.abc import Collection

    from botswain.sandbox.answers import FormErrors

Path = tuple[str, ...]


class Form:
    """The complaints about one request body. Codes and wordings are those that users report from Discord."""

    def __init__(self) -> None:
        self.errors: FormErrors = {}

    def add(self, path: Path, code: str, message: str) -> None:
        """Files one complaint."""
        place = self.errors
        for key in path:
            place = place.setdefault(key, {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def text(self, path: Path, value: Any, least: int, most: int) -> bool:
        """A string of so many characters."""
        if not isinstance(value, str):
            self.add(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return False
        if least and not value.strip():
            self.add(path, "BASE_TYPE_REQUIRED", "This field is required")
            return False
        if not least <= len(value) <= most:
            if least:
                self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
            else:
                self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
            return False
        return True

    def required(self, path: Path) -> None:
        """A field is missing."""
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required")

    def boolean(self, path: Path, value: Any) -> None:
        """A boolean or null."""
        if value is not None and not isinstance(value, bool):
            self.add(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")

    def integer(self, path: Path, value: Any, least: int, most: int) -> bool:
        """A whole number within bounds."""
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
            return False
        return self._bounded(path, "int", value, least, most)

    def number(self, path: Path, value: Any) -> bool:
        """Any number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not float.')
            return False
        return True

    def _bounded(self, path: Path, kind: str, value: float, least: float, most: float) -> bool:
        if value < least:
            self.add(path, "NUMBER_TYPE_MIN", f"{kind} value should be greater than or equal to {least}.")
        elif value > most:
            self.add(path, "NUMBER_TYPE_MAX", f"{kind} value should be less than or equal to {most}.")
        return least <= value <= most

    def choice(self, path: Path, value: Any, allowed: Collection[int]) -> bool:
        """One number of an enumeration."""
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            listed = ", ".join(str(int(one)) for one in sorted(allowed))
            self.add(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")
            return False
        return True

    def items(self, path: Path, value: Any, most: int) -> list[Any]:
        """A list of at most so many; what is no list counts as empty once it was complained about."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if len(value) > most:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        return value

    def model(self, path: Path, value: Any) -> dict[str, Any] | None:
        """An object, or None once it was complained about."""
        if isinstance(value, dict):
            return value
        self.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return None

    def numbers(self, path: Path, value: Any, allowed: Collection[int], *, least: int = 0) -> list[int]:
        """A set of numbers of an enumeration, or null; those that are fine are returned."""
        if value is None:
            return []
        found = self.items(path, value, len(allowed))
        if isinstance(value, list) and len(found) < least:
            self.add(path, "BASE_TYPE_MIN_LENGTH", f"Must be {least} or more in length.")
        good = [one for index, one in enumerate(found) if self.choice((*path, str(index)), one, allowed)]
        if len(set(good)) < len(good):
            self.add(path, "SET_TYPE_CONTAINS_DUPLICATE", "The items in this list must be unique.")
        return good

    def localizations(self, path: Path, value: Any, least: int, most: int) -> dict[str, str]:
        """Texts by locale, or null; those that are fine are returned."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            return {}
        for locale in value:
            if locale not in LOCALES:
                self.add((*path, locale), "ENUM_TYPE_COERCE", f'Value "{locale}" is not a valid enum value.')
        return {
            locale: text
            for locale, text in value.items()
            if locale in LOCALES and self.text((*path, locale), text, least, most)
        }


def is_snowflake(value: Any) -> bool:
    """Whether it is an id: decimal digits that fit in 64 bits."""
    return isinstance(value, str) and value.isascii() and value.isdigit() and int(value) < 1 << 64
