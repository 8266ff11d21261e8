"""What reading and writing commands does: ids, versions, defaults, atomicity.

    POST    creates, or replaces the command of that type and name, which keeps its id
    PATCH   replaces the sent fields whole
    PUT     replaces the scope whole; `id` renames in place; one bad command refuses them all
    DELETE  removes

A version is minted when what a client could see has changed. Deleting and renaming drop permission
overwrites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.discord import limits
from botswain.discord.enums import GLOBAL, CommandType
from botswain.sandbox import record, texts, validate
from botswain.sandbox.answers import ApiError, form_error, leaf
from botswain.sandbox.forms import Form

if TYPE_CHECKING:
    from botswain.sandbox.record import Record
    from botswain.sandbox.world import World

NO_ENTRY_POINT = (
    "You cannot remove this app's Entry Point command in a bulk update operation. Please include the Entry"
    " Point command in your update request or delete it separately."
)


class Commands:
    """The commands of one application in one scope. `counted`: creates count against the day's 200."""

    def __init__(self, world: World, application: str, scope: str, *, counted: bool = True) -> None:
        self._world = world
        self._application = application
        self._scope = scope
        self._counted = counted
        self._install_types = world.install_types(application)
        self._commands = world.commands(application, scope)

    def get(self, command: str) -> Record:
        """One command by id."""
        for found in self._commands:
            if found["id"] == command:
                return found
        raise ApiError(404, 10063, "Unknown application command")

    def find(self, kind: int, name: str) -> Record | None:
        """One command by what makes it unique in its scope."""
        return next((one for one in self._commands if (one["type"], one["name"]) == (kind, name)), None)

    def create(self, body: Any) -> tuple[Record, bool]:
        """POST: the command, and whether it is new."""
        fields = self._checked(body)
        made = self._make(fields)
        old = self.find(made["type"], made["name"])
        if old is not None:
            new = self._succeed(old, made, bump=self._world.settings.bump_identical)
            self._replace(old, new)
            return new, False
        self._room_for(made["type"])
        self._count(1)
        new = self._born(made)
        self._commands.append(new)
        self._save()
        return new, True

    def edit(self, command: str, body: Any) -> Record:
        """PATCH: only what was sent changes; the type cannot."""
        old = self.get(command)
        sent = Form().model((), body)
        if sent is None:
            raise form_error(leaf("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"))
        made = self._make(self._checked({**old, **sent, "type": old["type"]}))
        other = self.find(made["type"], made["name"])
        if other is not None and other["id"] != command:
            raise ApiError(400, 40041, "An application command with that name already exists")
        new = self._succeed(old, made, bump=self._world.settings.bump_identical)
        self._replace(old, new)
        if new["name"] != old["name"]:
            self._world.forget_permissions(self._application, {command})
        return new

    def delete(self, command: str) -> None:
        """DELETE."""
        self._commands.remove(self.get(command))
        self._save()
        self._world.forget_permissions(self._application, {command})

    def replace(self, body: Any) -> list[Record]:
        """PUT: the whole list of the scope, all types, or nothing when one command is refused."""
        form = Form()
        items = [self._stored(item) for item in form.items((), body, limits.BULK_COMMANDS)]
        models = validate.check_bulk(form, items, scope=self._scope, install_types=self._install_types)
        olds = {} if form.errors else self._claims(form, models)
        if form.errors:
            raise form_error(form.errors)
        self._keep_entry_point(models)
        made = [self._make(model) for model in models]
        self._fits(made)
        self._count(sum(index not in olds for index in range(len(made))))
        news = [self._succeed(olds[index], one) if index in olds else self._born(one) for index, one in enumerate(made)]
        self._drop_permissions(news)
        if news != self._commands:
            self._commands = news
            self._save()
        return news

    def _claims(self, form: Form, models: list[dict[str, Any]]) -> dict[int, Record]:
        """Which stored command each item of a PUT continues: by id, else by type and name."""
        by_id = {one["id"]: one for one in self._commands}
        claimed: dict[int, Record] = {}
        for index, model in enumerate(models):
            if model.get("id") is None:
                continue
            old = by_id.pop(str(model["id"]), None)
            if old is None or old["type"] != (model.get("type") or CommandType.CHAT_INPUT):
                form.add((str(index), "id"), "APPLICATION_COMMAND_INVALID_ID", "The command has an invalid ID")
            else:
                claimed[index] = old
        by_name = {(one["type"], one["name"]): one for one in by_id.values()}
        for index, model in enumerate(models):
            key = (model.get("type") or CommandType.CHAT_INPUT, model["name"])
            if index not in claimed and key in by_name:
                claimed[index] = by_name.pop(key)
        return claimed

    def _keep_entry_point(self, models: list[dict[str, Any]]) -> None:
        kind = CommandType.PRIMARY_ENTRY_POINT
        has = any(one["type"] == kind for one in self._commands)
        if self._scope == GLOBAL and has and not any(model.get("type") == kind for model in models):
            raise ApiError(400, 50240, NO_ENTRY_POINT)

    def _drop_permissions(self, news: list[Record]) -> None:
        names = {one["id"]: one["name"] for one in news}
        lost = {one["id"] for one in self._commands if names.get(one["id"]) != one["name"]}
        self._world.forget_permissions(self._application, lost)

    def _checked(self, body: Any) -> dict[str, Any]:
        form = Form()
        fields: dict[str, Any] | None = self._stored(form.model((), body))
        if fields is not None:
            validate.check_command(form, (), fields, scope=self._scope, install_types=self._install_types)
        if fields is None or form.errors:
            raise form_error(form.errors)
        return fields

    def _stored(self, command: Any) -> Any:
        """A command as it was sent, with its texts as they will be stored."""
        settled = self._world.settings.texts == "settled" and isinstance(command, dict)
        return texts.stored(command) if settled else command

    def _make(self, fields: dict[str, Any]) -> Record:
        return record.make(
            fields,
            scope=self._scope,
            contexts=self._world.settings.contexts_default,
            install_types=self._install_types,
        )

    def _born(self, made: Record) -> Record:
        ids = {
            "id": self._world.snowflake(),
            "application_id": self._application,
            "version": self._world.snowflake(),
        }
        return {**ids, **made, **({} if self._scope == GLOBAL else {"guild_id": self._scope})}

    def _succeed(self, old: Record, made: Record, *, bump: bool = False) -> Record:
        if record.same(old, made) and not bump:
            return old
        return {**self._born(made), "id": old["id"]}

    def _replace(self, old: Record, new: Record) -> None:
        self._commands[self._commands.index(old)] = new
        self._save()

    def _room_for(self, kind: int) -> None:
        most = limits.COMMANDS_PER_SCOPE[CommandType(kind)]
        if sum(one["type"] == kind for one in self._commands) >= most:
            raise _too_many(most)

    def _fits(self, made: list[Record]) -> None:
        for kind, most in limits.COMMANDS_PER_SCOPE.items():
            if sum(one["type"] == kind for one in made) > most:
                raise _too_many(most)

    def _count(self, new: int) -> None:
        if self._counted and new:
            ledger = self._world.ledger(self._application, self._scope)
            self._world.count_creates(ledger, new)
            self._world.save_ledger(self._application, self._scope, ledger)

    def _save(self) -> None:
        self._world.save_commands(self._application, self._scope, self._commands)


def _too_many(most: int) -> ApiError:
    return ApiError(400, 30032, f"Maximum number of application commands reached ({most})")
