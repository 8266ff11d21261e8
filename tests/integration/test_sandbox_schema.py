"""The double against Discord's published schema: its bounds, and what it answers.

Where schema and documentation disagree the documentation wins; each such place is named here.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from botswain.discord import limits
from botswain.discord.enums import (
    LOCALES,
    ChannelType,
    CommandType,
    ContextType,
    HandlerType,
    IntegrationType,
    OptionType,
)  # fmt: skip
from botswain.sandbox import permissions
from botswain.sandbox.app import Sandbox
from botswain.sandbox.model import Request, Settings

APP = "111111111111111111"
GUILD = "222222222222222222"
TOKEN = base64.urlsafe_b64encode(APP.encode()).decode().rstrip("=") + ".made-up.token"
ROOT = Path(__file__).resolve().parents[2]
BASIC = ("Attachment", "Boolean", "Channel", "Integer", "Mentionable", "Number", "Role", "String", "User")
OPTIONS = (*BASIC, "Subcommand", "SubcommandGroup")


@pytest.fixture
def schema(openapi: Any) -> dict[str, Any]:
    """Discord's OpenAPI document."""
    return dict(openapi)


@pytest.fixture
def parts(schema):
    """The component schemas by name."""
    return schema["components"]["schemas"]


def numbers(part):
    """The values of an enumeration."""
    return {one["const"] for one in part["oneOf"]}


class TestBounds:
    """limits.py and enums.py say what the schema says."""

    def test_commands(self, parts):
        """Names, descriptions, options and permissions of a command."""
        for kind in ("ApplicationCommandCreateRequest", "ApplicationCommandUpdateRequest",
                     "ApplicationCommandPatchRequestPartial"):  # fmt: skip
            fields = parts[kind]["properties"]
            name, names = fields["name"], fields["name_localizations"]["additionalProperties"]
            for one in (name, names):
                assert (one["minLength"], one["maxLength"]) == limits.NAME_LENGTH
            assert fields["description"]["maxLength"] == limits.DESCRIPTION_LENGTH[1]
            texts = fields["description_localizations"]["additionalProperties"]
            assert (texts["minLength"], texts["maxLength"]) == limits.DESCRIPTION_LENGTH
            assert fields["options"]["maxItems"] == limits.OPTIONS
            allowed = fields["default_member_permissions"]
            assert (allowed["minimum"], allowed["maximum"]) == limits.PERMISSIONS
            assert fields["contexts"]["minItems"] == fields["integration_types"]["minItems"] == 1

    @pytest.mark.parametrize("kind", OPTIONS)
    def test_options(self, parts, kind):
        """Names and descriptions of every kind of option, and how many it takes below it."""
        fields = parts[f"ApplicationCommand{kind}Option"]["properties"]
        assert (fields["name"]["minLength"], fields["name"]["maxLength"]) == limits.NAME_LENGTH
        described = fields["description"]
        assert (described["minLength"], described["maxLength"]) == limits.DESCRIPTION_LENGTH
        if kind.startswith("Sub"):
            assert fields["options"]["maxItems"] == limits.OPTIONS

    def test_nesting(self, parts):
        """A group holds sub-commands only, a sub-command basic options only."""
        below = parts["ApplicationCommandSubcommandOption"]["properties"]["options"]["items"]["oneOf"]
        names = {one["$ref"].rpartition("/")[2] for one in below}
        assert names == {f"ApplicationCommand{kind}Option" for kind in BASIC}
        group = parts["ApplicationCommandSubcommandGroupOption"]["properties"]["options"]["items"]
        assert group["$ref"].endswith("/ApplicationCommandSubcommandOption")

    @pytest.mark.parametrize("kind", ["String", "Integer", "Number"])
    def test_choices(self, parts, kind):
        """How many choices, and how long their names."""
        assert parts[f"ApplicationCommand{kind}Option"]["properties"]["choices"]["maxItems"] == limits.CHOICES
        name = parts[f"ApplicationCommandOption{kind}Choice"]["properties"]["name"]
        assert (name["minLength"], name["maxLength"]) == limits.CHOICE_NAME_LENGTH

    def test_values(self, parts):
        """Lengths of texts and the range of integers."""
        text = parts["ApplicationCommandStringOption"]["properties"]
        for key, bounds in (
            ("min_length", limits.STRING_MIN_LENGTH),
            ("max_length", limits.STRING_MAX_LENGTH),
        ):
            assert (text[key]["minimum"], text[key]["maximum"]) == bounds
        whole = parts["Int53Type"]
        assert (whole["minimum"], whole["maximum"]) == limits.INTEGER_VALUE

    def test_bulk(self, schema, parts):
        """How many commands one PUT takes, and overwrites one command."""
        base = "/applications/{application_id}"
        for path in (f"{base}/commands", f"{base}/guilds/{{guild_id}}/commands"):
            body = schema["paths"][path]["put"]["requestBody"]["content"]["application/json"]["schema"]
            assert body["maxItems"] == limits.BULK_COMMANDS
        one = schema["paths"][f"{base}/guilds/{{guild_id}}/commands/{{command_id}}/permissions"]
        body = one["put"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["properties"]["permissions"]["maxItems"] == permissions.OVERWRITES
        assert numbers(parts["ApplicationCommandPermissionType"]) == permissions.KINDS

    def test_enumerations(self, parts):
        """Kinds of commands, options, contexts, installs and handlers."""
        assert numbers(parts["ApplicationCommandType"]) == set(CommandType)
        assert numbers(parts["ApplicationCommandOptionType"]) == set(OptionType)
        assert numbers(parts["InteractionContextType"]) == set(ContextType)
        assert numbers(parts["ApplicationIntegrationType"]) == set(IntegrationType)
        assert numbers(parts["ApplicationCommandHandler"]) == set(HandlerType)


class TestDisagreements:
    """Where the documentation wins. When one of these fails, Discord has changed its schema: look again."""

    def test_permissions_are_an_integer_in_the_schema(self, parts):
        """The documentation has a string, and so does every answer."""
        fields = parts["ApplicationCommandCreateRequest"]["properties"]
        assert fields["default_member_permissions"]["type"] == ["integer", "null"]

    def test_media_channels_are_missing(self, parts):
        """GUILD_MEDIA (16) is documented."""
        items = parts["ApplicationCommandChannelOption"]["properties"]["channel_types"]["items"]
        allowed = numbers(parts[items["$ref"].rpartition("/")[2]]) if "$ref" in items else set(items["enum"])
        assert set(ChannelType) - allowed == {ChannelType.GUILD_MEDIA}
        assert allowed <= set(ChannelType)

    def test_choice_values_may_be_longer(self, parts):
        """6,000 characters in the schema, 100 in the documentation."""
        value = parts["ApplicationCommandOptionStringChoice"]["properties"]["value"]
        assert (value["maxLength"], limits.CHOICE_VALUE_LENGTH) == (6000, 100)

    def test_two_more_locales(self, parts):
        """Arabic and Hebrew are in the schema alone."""
        known = {one["const"] for one in parts["AvailableLocalesEnum"]["oneOf"]}
        assert known - LOCALES == {"ar", "he"}
        assert known >= LOCALES

    def test_description_is_optional_in_the_schema(self, parts):
        """Chat input commands need one."""
        create = parts["ApplicationCommandCreateRequest"]
        assert create["required"] == ["name"]
        assert "minLength" not in create["properties"]["description"]

    def test_nsfw_is_missing(self, parts):
        """Documented, accepted and returned."""
        assert "nsfw" not in parts["ApplicationCommandCreateRequest"]["properties"]
        assert "nsfw" in parts["ApplicationCommandResponse"]["properties"]

    def test_form_errors_have_names_not_numbers(self, parts):
        """`BASE_TYPE_REQUIRED` and its like are texts; the schema wants a number there."""
        assert parts["Error"]["properties"]["code"]["type"] == "integer"

    def test_file_types_are_newer_than_the_schema(self, parts):
        """At most ten, of attachment options."""
        assert "file_types" not in parts["ApplicationCommandAttachmentOption"]["properties"]


COMMANDS = [
    {
        "name": "everything",
        "description": "One of each",
        "name_localizations": {"de": "alles"},
        "default_member_permissions": "8",
        "nsfw": True,
        "contexts": [0],
        "options": [
            {
                "type": 3,
                "name": "text",
                "description": "d",
                "required": True,
                "min_length": 1,
                "max_length": 9,
            },
            {"type": 3, "name": "pick", "description": "d", "choices": [{"name": "a", "value": "b"}]},
            {
                "type": 4,
                "name": "whole",
                "description": "d",
                "min_value": 0,
                "choices": [{"name": "a", "value": 1}],
            },
            {"type": 10, "name": "part", "description": "d", "max_value": 0.5, "autocomplete": True},
            {"type": 7, "name": "where", "description": "d", "channel_types": [0, 5]},
            *({"type": kind, "name": f"o{kind}", "description": "d"} for kind in (5, 6, 8, 9, 11)),
        ],
    },
    {
        "name": "nested",
        "description": "Groups",
        "options": [
            {
                "type": 2,
                "name": "group",
                "description": "d",
                "options": [{"type": 1, "name": "s", "description": "d"}],
            },
        ],
    },
    {"name": "Who", "type": 2},
    {"name": "Report This", "type": 3, "description": ""},
]


SCOPES = {
    "global": "/applications/{application_id}/commands",
    GUILD: "/applications/{application_id}/guilds/{guild_id}/commands",
}


class TestAnswers:
    """Every kind of answer fits the component that the schema names for it."""

    @pytest.fixture
    def sandbox(self):
        """A sandbox with commands in both scopes."""
        sandbox = Sandbox(None, settings=Settings(limits=False))
        for scope in ("global", GUILD):
            sandbox.edit(APP, scope, "replace", command=COMMANDS)
        return sandbox

    @pytest.fixture
    def check(self, schema, sandbox):
        """Asks for something and checks the answer, for its status, against the operation of the schema."""

        def check(method, path, body=None, status=200, auth=f"Bot {TOKEN}", **params):
            shown = path
            for name, value in params.items():
                path = path.replace(f"{{{name}}}", value)
            headers = {"Authorization": auth, "Content-Type": "application/json"}
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            response = sandbox.handle(Request(method, f"/api/v10{path}", "with_localizations=true", headers, sent))
            assert response.status == status
            fitting = schema["paths"][shown][method.lower()]["responses"]
            fitting = fitting.get(str(status)) or fitting["4XX"]
            if "$ref" in fitting:
                fitting = schema["components"]["responses"][fitting["$ref"].rpartition("/")[2]]
            data = json.loads(response.body)
            wanted = {"components": schema["components"], **fitting["content"]["application/json"]["schema"]}
            Draft202012Validator(wanted).validate(data)
            return data

        return check

    @pytest.mark.parametrize("scope", SCOPES)
    def test_commands(self, check, scope):
        """Lists, single commands, creates, edits and bulk writes."""
        path, ids = SCOPES[scope], {"application_id": APP, "guild_id": GUILD}
        listed = check("GET", path, **ids)
        assert len(listed) == len(COMMANDS)
        check("PUT", path, COMMANDS, **ids)
        check("POST", path, COMMANDS[0], **ids)
        new = check("POST", path, {**COMMANDS[0], "name": "new"}, status=201, **ids)
        check("PATCH", f"{path}/{{command_id}}", {"description": "x"}, command_id=new["id"], **ids)
        check("GET", f"{path}/{{command_id}}", command_id=new["id"], **ids)

    def test_entry_point(self, check):
        """A command with a handler."""
        command = {"name": "Launch", "type": 4, "handler": 2}
        check("POST", SCOPES["global"], command, status=201, application_id=APP)

    def test_permissions(self, check, sandbox):
        """Overwrites of one command and of all."""
        command = sandbox.commands(APP, GUILD)[0]["id"]
        sandbox.set_permissions(APP, GUILD, command, [{"id": GUILD, "type": 1, "permission": True}])
        ids = {"application_id": APP, "guild_id": GUILD}
        path = SCOPES[GUILD]
        assert check("GET", f"{path}/permissions", **ids)
        check("GET", f"{path}/{{command_id}}/permissions", command_id=command, **ids)

    @pytest.mark.parametrize(
        "path", ["/applications/@me", "/oauth2/applications/@me", "/users/@me", "/gateway", "/gateway/bot"]
    )
    def test_the_application(self, check, path):
        """The application, its user and the gateway."""
        check("GET", path)

    def test_editing_the_application(self, check):
        """PATCH answers with the application."""
        check("PATCH", "/applications/@me", {"integration_types_config": {"1": {}}, "tags": ["x"]})

    def test_authorization(self, check, sandbox):
        """Whose OAuth2 token it is."""
        form = f"grant_type=client_credentials&client_id={APP}&client_secret=s&scope=identify".encode()
        response = sandbox.handle(Request("POST", "/api/v10/oauth2/token", body=form))
        token = json.loads(response.body)["access_token"]
        check("GET", "/oauth2/@me", auth=f"Bearer {token}")
        check("GET", "/users/@me", auth=f"Bearer {token}")

    def test_errors(self, check, sandbox):
        """401, 403 and 404."""
        path = SCOPES["global"]
        check("GET", path, status=401, auth="", application_id=APP)
        check("GET", path, status=403, application_id="5")
        check("GET", f"{path}/{{command_id}}", status=404, application_id=APP, command_id="5")

    def test_rate_limit(self, check, sandbox):
        """429; `code` is there only when there is one, as the documentation has it."""
        sandbox.fault("rate_limit", retry_after=1.5)
        with pytest.raises(ValidationError, match="'code' is a required property"):
            check("GET", "/gateway/bot", status=429)
