"""What Discord fills in, and what makes no difference, to a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from place import PLACES, Place, updates
from sandbox_client import option, slash

from botswain.deployment.transaction import restoring
from botswain.discord.enums import GLOBAL
from botswain.plan import Plan, unavailable

if TYPE_CHECKING:
    pass

Raw = dict[str, Any]


ENTRY = "primary_entry_point/"


# What Discord fills in


def test_a_field_that_was_never_pinned() -> None:
    """Whatever Discord chose is no difference, and a later edit of it by other hands is drift."""
    for values in PLACES[:4]:
        place = Place(**values)
        record = place.deploy([slash()])
        assert not place.plan(place.wanted([slash()])).changed
        assert not place.plan(place.wanted([slash()]), record).changed
        place.put([slash(contexts=[1], integration_types=[0])])
        found = updates(place.plan(place.wanted([slash()]), record))
        fields = {"contexts"} if place.installs == (0,) else {"contexts", "integration_types"}
        assert set(found) == fields
        assert all(change.drift and not change.intended for change in found.values())


def test_a_field_that_is_pinned_no_longer() -> None:
    """A field that left the sources is a change, since the PUT resets it, and afterwards there is none."""
    for pinned in ([1], [0, 1, 2]):
        place = Place()
        record = place.deploy([slash(contexts=pinned, integration_types=[0])])
        plan = place.plan(place.wanted([slash()]), record)
        found = updates(plan)
        assert set(found) == {"contexts", "integration_types"}
        assert all(change.intended and not change.drift for change in found.values())
        record = place.apply(plan)
        assert not place.plan(place.wanted([slash()]), record).changed


def test_pinning_what_discord_chose() -> None:
    """Writing down the default that is live changes only the record."""
    place = Place()
    record = place.deploy([slash()])
    plan = place.plan(place.wanted([slash(contexts=[2, 1, 0], integration_types=[1, 0])]), record)
    assert (plan.changed, plan.unrecorded) == (False, True)


def test_an_unusual_place_without_a_record() -> None:
    """What Discord would never choose by itself shows as a change even for somebody who has no record."""
    place = Place()
    place.put([slash("a", contexts=[0]), slash("b", integration_types=[1])])
    plan = place.plan(place.wanted([slash("a"), slash("b")]))
    found = {one.key: [change.path for change in one.fields] for one in plan.commands}
    assert found == {"chat_input/a": ["contexts"], "chat_input/b": ["integration_types"]}


@pytest.mark.parametrize("handler", [1, 2])
def test_the_handler_of_an_entry_point(handler: int) -> None:
    """Unset, it is Discord's choice; recorded and then edited or unpinned, it is a change."""
    launch = {"type": 4, "name": "launch"}
    place = Place()
    place.put([launch])
    assert not place.plan(place.wanted([launch])).changed
    record = place.record(place.wanted([launch]))
    place.put([{**launch, "handler": handler}])
    plan = place.plan(place.wanted([launch]), record)
    assert plan.changed is (handler != 1), "1 is what the sandbox chose"
    place.put([{**launch, "handler": handler}])
    pinned = place.record(place.wanted([{**launch, "handler": handler}]))
    assert list(updates(place.plan(place.wanted([launch]), pinned))) == ["handler"]


# Small print


def test_the_order_of_commands_does_not_matter() -> None:
    """Discord shows commands in an order of its own."""
    place = Place()
    record = place.deploy([slash("a"), slash("b"), slash("c")])
    assert not place.plan(place.wanted([slash("c"), slash("a"), slash("b")]), record).changed


def test_the_order_of_options_and_choices_matters() -> None:
    """Users see it, so a reordering is deployed; it shows as one change."""
    choices = [{"name": name, "value": name} for name in "xy"]
    place = Place()
    record = place.deploy([slash(options=[option("a", choices=choices), option("b")])])
    turned = slash(options=[option("b"), option("a", choices=choices[::-1])])
    found = updates(place.plan(place.wanted([turned]), record))
    assert set(found) == {"options order", "options.a.choices order"}
    assert all(change.intended and not change.drift for change in found.values())


def test_the_order_of_sets_does_not_matter() -> None:
    """Contexts, install types, channel types and file types are sets."""
    options = [option("a", kind=7, channel_types=[0, 5]), option("b", kind=11, file_types=["image", ".md"])]
    turned = [option("a", kind=7, channel_types=[5, 0]), option("b", kind=11, file_types=[".md", "image"])]
    place = Place()
    record = place.deploy([slash(options=options, contexts=[0, 1], integration_types=[0, 1])])
    other = slash(options=turned, contexts=[1, 0], integration_types=[1, 0])
    plan = place.plan(place.wanted([other]), record)
    assert (plan.changed, plan.unrecorded) == (False, False)


@pytest.mark.parametrize(
    ("live", "wanted", "changed"),
    [
        ({}, {"dm_permission": True}, False),
        ({}, {"dm_permission": False}, True),
        ({"dm_permission": False}, {}, True),
        ({"dm_permission": False, "contexts": [0]}, {"contexts": [0]}, False),
        ({"contexts": [0]}, {"contexts": [0], "dm_permission": False}, False),
        ({"dm_permission": False}, {"contexts": [0, 1, 2]}, False),
    ],
)
def test_dm_permission(live: Raw, wanted: Raw, *, changed: bool) -> None:
    """The deprecated field counts unless the sources name contexts, which Discord then goes by."""
    place = Place()
    place.put([slash(**live)])
    assert place.plan(place.wanted([slash(**wanted)])).changed is changed


def test_a_localized_text_equal_to_the_default() -> None:
    """Whether Discord keeps such a text is not known, and neither answer makes a difference."""
    texts = {"name_localizations": {"de": "ping", "fr": "sonde"}}
    place = Place()
    record = place.deploy([slash(**texts)])
    kept = place.live()
    dropped = [{**raw, "name_localizations": {"fr": "sonde"}} for raw in kept]
    for answer in (kept, dropped):
        place.put(answer)
        assert not place.plan(place.wanted([slash(**texts)]), record).changed
    place.put([{**raw, "name_localizations": {"de": "ping"}} for raw in kept])
    assert list(updates(place.plan(place.wanted([slash(**texts)]), record))) == ["name_localizations.fr"]


def test_numbers_are_compared_by_value() -> None:
    """YAML's 1 comes back as 1.0 from some servers, and is the same bound and choice."""
    one, other = (
        option("n", kind=10, min_value=kind(1), choices=[{"name": "one", "value": kind(1)}]) for kind in (int, float)
    )
    place = Place()
    record = place.deploy([slash(options=[one])])
    place.put([slash(options=[other])])
    assert not place.plan(place.wanted([slash(options=[one])]), record).changed


def test_a_scope_that_cannot_be_read_plans_nothing() -> None:
    """An unreadable scope is never taken for an empty one."""
    scope = unavailable("1", "403", None)
    plan = Plan((scope,))
    assert (scope.changed, scope.unrecorded, plan.changed, plan.unavailable) == (False, False, (), (scope,))


def test_a_rollback_restores_dm_permission_beside_contexts_that_discord_filled_in() -> None:
    """A snapshot names the contexts that Discord had chosen; the older field beside them is restored all the same."""
    raw = {"id": "1", "type": 1, "name": "a", "description": "b", "contexts": [0, 1, 2], "integration_types": [0]}
    back = restoring(
        GLOBAL, ["chat_input/a"], [{**raw, "dm_permission": True}], [{**raw, "dm_permission": False}], None
    )
    assert [change.path for one in back.commands for change in one.fields] == ["dm_permission"]
