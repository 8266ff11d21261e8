"""What Discord refuses in message components and modals, and what it adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botswain.sandbox.forms import Form, Path

ROW, BUTTON, SELECT, LABEL = 1, 2, 3, 18
SELECTS = {SELECT, 5, 6, 7, 8}
ROW_WIDTH = 5
MODAL_TEXTS = (("custom_id", 100), ("title", 45))
_CLASSIC = {ROW}
_V2 = {ROW, 9, 10, 11, 12, 13, 14, 17, 20}
"""What may stand at the top of a message, without and with IS_COMPONENTS_V2."""
_LINK, _PREMIUM = 5, 6


def check(form: Form, path: Path, value: Any, *, v2: bool) -> None:
    """The components of a message."""
    ids: set[str] = set()
    for index, one in enumerate(form.items(path, value, 40 if v2 else 5)):
        place = (*path, str(index))
        model = form.model(place, one)
        if model is not None and form.choice((*place, "type"), model.get("type"), _V2 if v2 else _CLASSIC):
            _check_one(form, place, model, ids)


def _check_shape(form: Form, path: Path, component: dict[str, Any]) -> None:
    """What is nested, at any depth, is made of objects."""
    children = form.items((*path, "components"), component.get("components"), 40)
    below: list[tuple[Path, Any]] = [(("components", str(index)), one) for index, one in enumerate(children)]
    below += [((key,), component[key]) for key in ("component", "accessory") if component.get(key) is not None]
    for place, one in below:
        if (model := form.model((*path, *place), one)) is not None:
            _check_shape(form, (*path, *place), model)


def _check_one(form: Form, path: Path, component: dict[str, Any], ids: set[str]) -> None:
    if component["type"] != ROW:
        _check_shape(form, path, component)
    else:
        children = form.items((*path, "components"), component.get("components"), ROW_WIDTH)
        if not children:
            form.add((*path, "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
        for index, one in enumerate(children):
            place = (*path, "components", str(index))
            child = form.model(place, one)
            if child is not None and form.choice((*place, "type"), child.get("type"), {BUTTON, *SELECTS}):
                _check_interactive(form, place, child, ids)


def _check_interactive(form: Form, path: Path, component: dict[str, Any], ids: set[str]) -> None:
    if component["type"] == BUTTON and component.get("style") in (_LINK, _PREMIUM):
        return
    if component["type"] == BUTTON and not form.choice((*path, "style"), component.get("style"), range(1, 7)):
        return
    if component.get("custom_id") is None:
        form.required((*path, "custom_id"))
    elif form.text((*path, "custom_id"), component["custom_id"], 1, 100):
        if component["custom_id"] in ids:
            message = "Component custom id cannot be duplicated"
            form.add((*path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", message)
        ids.add(component["custom_id"])
    if component["type"] == SELECT:
        choices = form.items((*path, "options"), component.get("options"), 25)
        if not choices:
            form.required((*path, "options"))


def check_modal(form: Form, path: Path, data: dict[str, Any]) -> None:
    """What a modal is made of."""
    for key, most in MODAL_TEXTS:
        if data.get(key) is None:
            form.required((*path, key))
        else:
            form.text((*path, key), data[key], 1, most)
    place = (*path, "components")
    rows = form.items(place, data.get("components"), 5)
    if not rows:
        form.add(place, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    for index, one in enumerate(rows):
        row = form.model((*place, str(index)), one)
        if row is not None and form.choice((*place, str(index), "type"), row.get("type"), {ROW, 10, LABEL}):
            _check_shape(form, (*place, str(index)), row)


def numbered(components: list[Any]) -> list[Any]:
    """The components as they come back: each with an `id`, counted from 1 unless it had one."""
    counter = iter(range(1, 1 << 30))
    return [_numbered(one, counter) for one in components]


def _numbered(component: dict[str, Any], counter: Iterator[int]) -> dict[str, Any]:
    made = {**component, "id": component.get("id") or next(counter)}
    if made.get("components"):
        made["components"] = [_numbered(one, counter) for one in made["components"]]
    for key in ("component", "accessory"):
        if isinstance(made.get(key), dict):
            made[key] = _numbered(made[key], counter)
    return made


def walk(components: list[Any]) -> Iterator[dict[str, Any]]:
    """Every component at every depth."""
    for one in components:
        yield one
        yield from walk(one.get("components") or [])
        yield from walk([one[key] for key in ("component", "accessory") if isinstance(one.get(key), dict)])
