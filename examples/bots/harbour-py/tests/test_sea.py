"""What the bot knows of the sea."""

import pytest

from harbour import sea


def harbour(text: str) -> sea.Harbour:
    """One that is there."""
    found = sea.find_harbour(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("hour", "minute", "number", "watch"),
    [
        (0, 0, 8, "middle"),
        (0, 29, 8, "middle"),
        (0, 30, 1, "middle"),
        (4, 0, 8, "morning"),
        (11, 59, 7, "forenoon"),
        (13, 0, 2, "afternoon"),
        (16, 30, 1, "first dog"),
        (18, 0, 4, "last dog"),
        (18, 30, 1, "last dog"),
        (19, 30, 3, "last dog"),
        (20, 0, 8, "first"),
        (23, 59, 7, "first"),
    ],
)
def test_bells(hour: int, minute: int, number: int, watch: str) -> None:
    """Eight bells end a watch; the dog watches have an order of their own."""
    assert (sea.bells(hour, minute), sea.watch(hour)) == (number, watch)


def test_strokes_come_in_pairs() -> None:
    """Three bells are a pair and one."""
    assert sea.strokes(3) == "🔔🔔 🔔"
    assert sea.strokes(8) == "🔔🔔 🔔🔔 🔔🔔 🔔🔔"


def test_positions() -> None:
    """Degrees and minutes, with the hemisphere."""
    assert harbour("DEHAM").position == "53°32′N 9°58′E"
    assert harbour("CLVAP").position == "33°02′S 71°38′W"


def test_distances_and_headings() -> None:
    """Against what nautical almanacs say, to a hundredth."""
    new_york, lisbon, auckland, valparaiso = map(harbour, ("New York", "Lisbon", "Auckland", "Valparaíso"))
    assert sea.distance(lisbon, new_york) == pytest.approx(2925, rel=0.01)
    assert sea.distance(new_york, lisbon) == pytest.approx(sea.distance(lisbon, new_york))
    assert sea.distance(auckland, valparaiso) == pytest.approx(5213, rel=0.01)  # over the date line
    assert sea.bearing(lisbon, new_york) == pytest.approx(295, abs=2)
    assert 0 <= sea.bearing(valparaiso, auckland) < 360


def test_durations() -> None:
    """Days, hours and minutes, none of them zero."""
    assert sea.duration(1530, 12.5) == "5 d 2 h 24 min"
    assert sea.duration(60, 60) == "1 h"
    assert sea.duration(0.1, 60) == "1 min"


def test_harbours_are_found_as_people_type_them() -> None:
    """Without accents, in any case, by name or code."""
    assert harbour(" reykjavik ").code == harbour("ISREY").code == harbour("isrey").code == "ISREY"
    assert sea.find_harbour("Atlantis") is None
    assert [one.name for one in sea.matching_harbours("ham", 25)] == ["Hamburg", "Southampton", "Yokohama"]
    assert len(sea.matching_harbours("", 25)) == 25


def test_spelling() -> None:
    """Letters and digits, a word to a line, and not without end."""
    assert sea.spelled("Ahoi 3é!") == "Alfa Hotel Oscar India\nThree Echo"
    assert sea.spelled("…!?") == ""
    assert sea.spelled("a" * 500, most=3) == "Alfa Alfa Alfa\n…"
