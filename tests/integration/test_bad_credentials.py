"""Tokens and variables that are missing, empty, or somebody else's."""

from __future__ import annotations

import pytest
from desk import APP, GUILD_2, OTHER_APP, Desk, refused, token

# Credentials


def real(desk: Desk, **fields):
    """A profile that would talk over the network, to a port of this machine where nobody listens."""
    desk.profile(api="http://127.0.0.1:9/api/v10", **fields)
    desk.command()


def test_no_credentials(desk: Desk):
    """A missing token never falls back to the sandbox."""
    desk.profile(api="https://discord.com/api/v10")
    desk.command()
    refused(
        desk.inv("deploy", "--env", "dev"),
        "environment: DISCORD_DEV_TOKEN: is not set; export it, or put DISCORD_DEV_TOKEN=… in .env, or set"
        ' "api: sandbox" in profiles/dev.yaml',
    )


def test_an_empty_variable_is_a_lost_secret(desk: Desk):
    """Set but empty is an error, whoever set it, and is told with where it stands."""
    real(desk)
    desk.environment["DISCORD_DEV_TOKEN"] = " "
    told = "DISCORD_DEV_TOKEN: is set but empty; give it a value or unset it"
    refused(desk.inv("deploy", "--env", "dev"), f"environment: {told}")
    desk.environment.clear()
    for line in ("DISCORD_DEV_TOKEN=\n", "DISCORD_DEV_TOKEN\n"):
        desk.write(".env", line)
        refused(desk.inv("deploy", "--env", "dev"), f".env: {told}")
    (desk.folder / ".env").unlink()
    desk.environment["DISCORD_DEV_GUILD_IDS"] = ""
    told = "environment: DISCORD_DEV_GUILD_IDS: is set but empty; give it a value or unset it"
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_ids_in_variables(desk: Desk):
    """Variables replace the profile's values and are checked as they are, all at once."""
    desk.environment.update(DISCORD_DEV_APPLICATION_ID="12", DISCORD_DEV_GUILD_IDS=f"1, {GUILD_2}")
    refused(
        desk.inv("validate", "--env", "dev"),
        'environment: DISCORD_DEV_APPLICATION_ID: must hold Discord ids of 15 to 20 digits, not "12"',
        'environment: DISCORD_DEV_GUILD_IDS: must hold Discord ids of 15 to 20 digits, not "1"',
    )


@pytest.mark.parametrize("value", ["abc", "Bot ", "Bot x.y.z", "x" * 70, token().replace(".", " ")])
def test_a_malformed_token(desk: Desk, value):
    """What is no bot token is not sent to anybody, and not shown."""
    real(desk)
    desk.environment["DISCORD_DEV_TOKEN"] = value
    told = "environment: DISCORD_DEV_TOKEN: is no bot token; copy it again from the Bot page of the application"
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_a_token_of_another_application(desk: Desk):
    """Discord says whose token it is, and that has to be the profile's application."""
    desk.command()
    desk.environment["DISCORD_DEV_TOKEN"] = token(OTHER_APP)
    refused(
        desk.inv("deploy", "--env", "dev"),
        f"profiles/dev.yaml: DISCORD_DEV_TOKEN belongs to application {OTHER_APP}, but this profile is for {APP};"
        " use that application's token, or correct application_id",
        code=3,
    )
    assert desk.live() == {}


@pytest.mark.parametrize("production_variable", [token("100000000000000005"), f"Bot {token('100000000000000005')}"])
def test_production_credentials_elsewhere(desk: Desk, production_variable):
    """The same token as production's is refused before anything is sent, however it is written."""
    real(desk, application_id=None)
    desk.production()
    desk.environment.update(DISCORD_DEV_TOKEN=token("100000000000000005"), DISCORD_PROD_TOKEN=production_variable)
    refused(
        desk.inv("deploy", "--env", "dev"),
        "profiles/dev.yaml: DISCORD_DEV_TOKEN holds production credentials: they belong to profiles/prod.yaml; give dev"
        " an application and a token of its own",
        code=3,
    )


def test_production_credentials_are_known_by_their_application(desk: Desk):
    """Another token of production's application, such as one from before a reset, is production's too."""
    real(desk, application_id=None)
    desk.production()
    desk.environment["DISCORD_DEV_TOKEN"] = token(OTHER_APP)
    refused(
        desk.inv("deploy", "--env", "dev"),
        "profiles/dev.yaml: DISCORD_DEV_TOKEN holds production credentials: they belong to profiles/prod.yaml; give dev"
        " an application and a token of its own",
        code=3,
    )


def test_an_unreadable_line_of_dotenv_is_named(desk: Desk):
    """Not passed over: the token may have been in it."""
    desk.command()
    desk.write(".env", "A=1\nDISCORD DEV TOKEN\n")
    refused(desk.inv("deploy", "--env", "dev"), ".env: line 2: is not NAME=value, or a quote is not closed")


def test_a_variable_of_dotenv_is_named_with_its_file(desk: Desk):
    """Whoever mends it opens the right file."""
    real(desk)
    desk.write(".env", "DISCORD_DEV_TOKEN=abc\n")
    told = ".env: DISCORD_DEV_TOKEN: is no bot token; copy it again from the Bot page of the application"
    refused(desk.inv("deploy", "--env", "dev"), told)
