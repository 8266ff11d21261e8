"""What the environment says, and what is told when it says nonsense."""

from pathlib import Path

import pytest

from harbour.settings import BadSettings, Settings

TOKEN = "MTExMTExMTExMTExMTExMTEx.made-up.to_ken"


def read(**variables: str) -> Settings:
    """The settings of these variables and a token."""
    return Settings.read({"DISCORD_TOKEN": TOKEN, **variables})


def test_defaults() -> None:
    """A token is all that is needed; the port is for this machine alone."""
    settings = read()
    assert (settings.host, settings.port, settings.log_level) == ("127.0.0.1", 8080, "info")
    assert (settings.api, settings.commit, settings.patience) == (None, "unknown", 10)


def test_everything_can_be_set() -> None:
    """Each variable reaches its setting."""
    settings = read(HOST="::", PORT="0", LOG_LEVEL="WARNING", GIT_SHA="0123abc", SHUTDOWN_SECONDS="25")
    assert (settings.host, settings.port, settings.log_level) == ("::", 0, "warning")
    assert (settings.commit, settings.patience) == ("0123abc", 25)


@pytest.mark.parametrize("address", ["http://127.0.0.1:81/api", "http://[::1]/api/v10", "https://discord.example/api/"])
def test_another_api(address: str) -> None:
    """The version and a slash at the end do not matter."""
    assert read(DISCORD_API=address).api == address.removesuffix("/").removesuffix("/v10")


@pytest.mark.parametrize(
    "address", ["http://discord.example/api", "ftp://127.0.0.1/", "127.0.0.1:81", "http://[", "https://a:b@c/"]
)
def test_an_api_that_would_leak_the_token_or_is_none(address: str) -> None:
    """Unencrypted only on this machine."""
    with pytest.raises(BadSettings, match="DISCORD_API"):
        read(DISCORD_API=address)


@pytest.mark.parametrize("text", ["65536", "-1", "80 ", "８０", "http"])
def test_a_bad_port(text: str) -> None:
    """Whole numbers that a port can be."""
    with pytest.raises(BadSettings, match="PORT is no whole number from 0 to 65535"):
        read(PORT=text)


@pytest.mark.parametrize("name", ["DISCORD_TOKEN", "PORT", "LOG_LEVEL", "DISCORD_API"])
def test_set_but_empty(name: str) -> None:
    """That is how a secret gets lost, so it is no default."""
    with pytest.raises(BadSettings, match=f"{name} is set but empty"):
        read(**{name: ""})


@pytest.mark.parametrize("token", ["Bot " + TOKEN, f'"{TOKEN}"', TOKEN + "\n", "secret"])
def test_what_is_no_token(token: str) -> None:
    """It is refused before Discord sees it, and not told."""
    with pytest.raises(BadSettings, match="DISCORD_TOKEN holds no bot token") as error:
        read(DISCORD_TOKEN=token)
    assert token.strip() not in str(error.value)


def test_the_token_is_not_shown() -> None:
    """Neither in a log line nor in a traceback that prints the settings."""
    assert TOKEN not in repr(read())


def test_the_credential_of_systemd(tmp_path: Path) -> None:
    """The file stands in for the variable; the variable goes first."""
    (tmp_path / "discord_token").write_text(TOKEN + "\n")
    folder = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert Settings.read(folder).token == TOKEN
    assert Settings.read({**folder, "DISCORD_TOKEN": "a.b.c"}).token == "a.b.c"
    (tmp_path / "discord_token").write_text("\n")
    with pytest.raises(BadSettings, match="discord_token holds no bot token"):
        Settings.read(folder)


def test_no_token_at_all(tmp_path: Path) -> None:
    """The message names both places."""
    with pytest.raises(BadSettings, match=r"DISCORD_TOKEN is missing; .* discord_token of \$CREDENTIALS_DIRECTORY"):
        Settings.read({"CREDENTIALS_DIRECTORY": str(tmp_path)})
