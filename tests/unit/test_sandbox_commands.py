"""What reads and writes do to a scope."""

from __future__ import annotations

import pytest
from sandbox_client import APP, GUILD, Client, option, slash

from botswain.sandbox.model import Settings

LAUNCH = {"name": "Launch", "type": 4, "handler": 2}


@pytest.fixture
def client():
    """A bot without limits."""
    return Client()


@pytest.mark.parametrize("scope", ["global", GUILD])
def test_identical_put_keeps_ids_and_versions(client, scope):
    """Sending the same list again changes nothing that a user could see."""
    first = client.put([slash("a"), slash("b", options=[option(required=False)])], scope)
    again = client.put([slash("a", type=1, nsfw=False), slash("b", options=[option()])], scope)
    assert (first.status, again.status) == (200, 200)
    assert again.data == first.data


def test_changed_put_keeps_the_id_and_mints_a_version(client):
    """An edited command stays the same command in a new version; its neighbour keeps its version."""
    a, b = client.put([slash("a"), slash("b")]).data
    new_a, same_b = client.put([slash("a", description="new"), slash("b")]).data
    assert new_a["id"] == a["id"]
    assert int(new_a["version"]) > int(a["version"])
    assert same_b == b


def test_put_removes_what_it_does_not_name(client):
    """A PUT replaces all types of the scope; an empty list clears it."""
    client.put([slash("a"), {"name": "Who", "type": 2}])
    assert [one["name"] for one in client.put([slash("a")]).data] == ["a"]
    assert client.put([]).data == []
    assert client.get().data == []


def test_put_in_one_scope_leaves_others_alone(client):
    """Guilds and global are separate lists, in which one name may occur twice."""
    client.put([slash("a")], "global")
    client.put([slash("a")], GUILD)
    client.put([], GUILD)
    assert len(client.get("global").data) == 1


def test_rename_by_id_keeps_the_id(client):
    """An item with an id and another name renames in place, even when two commands swap names."""
    a, b = client.put([slash("a"), slash("b")]).data
    swapped = client.put([{**slash("b"), "id": a["id"]}, {**slash("a"), "id": b["id"]}]).data
    assert [(one["id"], one["name"]) for one in swapped] == [(a["id"], "b"), (b["id"], "a")]


def test_name_left_by_a_rename_is_a_new_command(client):
    """Renaming a to c and sending a new a does not give the new one the old id."""
    (a,) = client.put([slash("a")]).data
    renamed, new = client.put([{**slash("c"), "id": a["id"]}, slash("a")]).data
    assert renamed["id"] == a["id"]
    assert new["id"] != a["id"]


@pytest.mark.parametrize("identity", ["0", 0, "987654321098765432"])
def test_unknown_id_in_put_is_an_error(client, identity):
    """An id that is not in the scope fails the whole PUT."""
    client.put([slash("a")])
    answer = client.put([{**slash("b"), "id": identity}])
    assert (answer.status, answer.code) == (400, 50035)
    assert "id" in answer.data["errors"]["0"]
    assert [one["name"] for one in client.get().data] == ["a"]


def test_id_of_another_type_is_an_error(client):
    """A command cannot change its type."""
    (a,) = client.put([slash("a")]).data
    assert client.put([{"id": a["id"], "name": "a", "type": 2}]).status == 400


def test_same_id_twice_is_an_error(client):
    """Two items cannot both continue one command."""
    (a,) = client.put([slash("a")]).data
    answer = client.put([{**slash("a"), "id": a["id"]}, {**slash("b"), "id": a["id"]}])
    assert set(answer.data["errors"]) == {"1"}


def test_one_bad_command_fails_the_whole_put(client):
    """A PUT is atomic: the good commands of a refused list are not stored either."""
    before = client.put([slash("a")]).data
    answer = client.put([slash("b"), slash("NotLower"), slash("c")])
    assert (answer.status, answer.code) == (400, 50035)
    assert set(answer.data["errors"]) == {"1"}
    assert client.get(query="with_localizations=true").data == before


def test_omitted_fields_fall_back_to_defaults_not_to_what_was(client):
    """A PUT or POST that leaves a field out resets it."""
    rich = slash("a", nsfw=True, default_member_permissions="8", dm_permission=False, options=[option()])
    for write in (
        lambda: client.put([slash("a")], "global").data[0],
        lambda: client.post(slash("a"), "global").data,
    ):
        client.put([rich], "global")
        plain = write()
        assert (plain["nsfw"], plain["default_member_permissions"], plain["dm_permission"]) == (
            False,
            None,
            True,
        )
        assert "options" not in plain


def test_post_creates_with_201_and_replaces_with_200(client):
    """POST is an upsert by type and name; a replacement keeps the id."""
    new = client.post(slash("a"))
    replaced = client.post(slash("a", description="other"))
    assert (new.status, replaced.status) == (201, 200)
    assert replaced.data["id"] == new.data["id"]
    assert replaced.data["version"] != new.data["version"]


@pytest.mark.parametrize(("bump", "same"), [(False, True), (True, False)])
def test_identical_patch_keeps_the_version_unless_told_otherwise(bump, same):
    """Whether Discord bumps here is unknown, so it can be switched."""
    client = Client(Settings(limits=False, bump_identical=bump))
    made = client.post(slash("a")).data
    patched = client.patch(made["id"], {"description": made["description"]}).data
    assert (patched["version"] == made["version"]) is same


def test_patch_replaces_only_the_sent_fields_and_those_whole(client):
    """Options are not merged, other fields stay, the type cannot change."""
    made = client.post(slash("a", nsfw=True, options=[option("x"), option("y")])).data
    patched = client.patch(made["id"], {"options": [option("z")], "type": 2}).data
    assert [one["name"] for one in patched["options"]] == ["z"]
    assert (patched["nsfw"], patched["type"], patched["description"]) == (True, 1, made["description"])


def test_patch_to_a_taken_name_is_40041(client):
    """A rename must not collide."""
    client.post(slash("a"))
    b = client.post(slash("b")).data
    answer = client.patch(b["id"], {"name": "a"})
    assert (answer.status, answer.code) == (400, 40041)


def test_delete_answers_204_and_then_10063(client):
    """A deleted command is unknown."""
    made = client.post(slash("a")).data
    assert client.delete(made["id"]).status == 204
    again = client.delete(made["id"])
    assert (again.status, again.code) == (404, 10063)


def test_a_command_is_found_only_in_its_scope(client):
    """A guild's command has no global address."""
    made = client.post(slash("a")).data
    assert client.ask("GET", f"/applications/{APP}/commands/{made['id']}").code == 10063


def test_global_put_without_the_entry_point_is_50240(client):
    """Once Activities made a Launch command, a global PUT has to echo it."""
    launch = client.post(LAUNCH, "global").data
    answer = client.put([slash("a")], "global")
    assert (answer.status, answer.code) == (400, 50240)
    assert client.get("global", query="with_localizations=true").data == [launch]
    kept = client.put([slash("a"), {"id": launch["id"], **LAUNCH}], "global")
    assert kept.data[1] == launch


def test_entry_point_is_global_and_single(client):
    """A guild cannot have one, global cannot have two, and DELETE may remove it."""
    assert client.post(LAUNCH, GUILD).status == 400
    launch = client.post(LAUNCH, "global").data
    assert client.post({**LAUNCH, "name": "Play"}, "global").code == 30032
    assert client.delete(launch["id"], "global").status == 204
    assert client.put([], "global").status == 200


@pytest.mark.parametrize(("kind", "most"), [(1, 100), (2, 15), (3, 15)])
def test_counts_per_scope_and_type(client, kind, most):
    """100 chat input, 15 user and 15 message commands; one more is 30032, by PUT and by POST."""

    def command(index):
        return slash(f"c{index}") if kind == 1 else {"name": f"c{index}", "type": kind}

    assert client.put([command(index) for index in range(most)]).status == 200
    assert client.post(command(most)).code == 30032
    assert client.post(command(0)).status == 200
    assert client.put([command(index) for index in range(most + 1)]).code == 30032


def test_bulk_body_of_more_than_130(client):
    """A longer list is refused as a form, before anything is counted."""
    answer = client.put([slash(f"c{index}") for index in range(131)])
    assert answer.data["errors"]["_errors"][0]["code"] == "BASE_TYPE_MAX_LENGTH"


class TestDailyCreates:
    """200 creates a day and scope."""

    @pytest.fixture
    def client(self):
        """A bot that meets the daily limit, and no other."""
        return Client(Settings(put_bucket=(1000, 1.0), write_bucket=(1000, 1.0), global_window="fixed"))

    def use_up(self, client):
        """Creates 200."""
        for batch in range(2):
            client.clock.now += 2
            assert client.put([slash(f"c{batch}-{index}") for index in range(100)]).status == 200
        client.clock.now += 2

    def test_the_201st_is_429_with_a_long_wait(self, client):
        """Code 30034 comes as 429 whose wait lasts until the day is over."""
        self.use_up(client)
        answer = client.put([slash("one-more")])
        assert (answer.status, answer.code, answer.data["global"]) == (429, 30034, False)
        assert 86_000 < answer.data["retry_after"] <= 86_400
        assert len(client.get().data) == 100

    def test_it_clears_after_a_day(self, client):
        """The day counts from the first create; a control call can move the clock on."""
        self.use_up(client)
        client.sandbox.advance(86_400)
        assert client.put([slash("one-more")]).status == 200

    def test_status_400_as_before_2024(self, client):
        """The older form carries no wait."""
        client.sandbox.configure(creates_status=400)
        self.use_up(client)
        answer = client.put([slash("one-more")])
        assert (answer.status, answer.code) == (400, 30034)
        assert "retry_after" not in answer.data

    def test_only_new_names_count(self, client):
        """Edits, upserts and renames of what exists are free."""
        self.use_up(client)
        live = client.get().data
        edited = [{**slash(f"renamed-{index}"), "id": one["id"]} for index, one in enumerate(live)]
        assert client.put(edited).status == 200
        assert client.post(slash("renamed-1", description="edited")).status == 200

    def test_each_scope_has_its_own_count(self, client):
        """Another guild is not affected, nor is global."""
        self.use_up(client)
        assert client.put([slash("a")], "333333333333333333").status == 200
        assert client.put([slash("a")], "global").status == 200


def test_out_of_band_edit_is_another_hand_without_limits(client):
    """What a test does behind the tool's back shows in the next read."""
    sandbox = client.sandbox
    made = sandbox.edit(APP, GUILD, "create", command=slash("a"))
    sandbox.edit(APP, GUILD, "patch", name="a", command={"description": "edited"})
    (seen,) = client.get().data
    assert (seen["id"], seen["description"]) == (made["id"], "edited")
    sandbox.edit(APP, GUILD, "delete", id=made["id"])
    assert client.get().data == []


def test_settings_choose_what_unset_contexts_come_back_as(client):
    """Both null and all three have been seen; install types come from the application."""
    assert client.post(slash("a"), "global").data["contexts"] == [0, 1, 2]
    client.sandbox.configure(contexts_default=None, integration_types=[0])
    made = client.post(slash("b"), "global").data
    assert (made["contexts"], made["integration_types"]) == (None, [0])
    client.ask("PATCH", "/applications/@me", {"integration_types_config": {"1": {}}})
    assert client.post(slash("c"), "global").data["integration_types"] == [1]
