"""Which credentials a profile uses, and what is refused before anything is sent."""

from __future__ import annotations

import pytest
from desk import APP, OTHER_APP, token

from botswain.deployment import credentials
from botswain.deployment.credentials import SANDBOX_APPLICATION, ClientSecret
from botswain.errors import BotswainError
from botswain.profile.load import load
from botswain.secrets import environment, redaction

SECRET = "Zk3vT8q-x7Yw2_mB1nC5dF9hJ4gL7pS0"
API = "https://discord.com/api/v10"


@pytest.fixture(autouse=True)
def here(desk, monkeypatch):
    """Works in the folder of `desk`, with no variables of this machine."""
    monkeypatch.chdir(desk.folder)
    for name in ("DEV_TOKEN", "DEV_CLIENT_SECRET", "DEV_APPLICATION_ID", "PROD_TOKEN", "PROD_CLIENT_SECRET"):
        monkeypatch.delenv(f"DISCORD_{name}", raising=False)
    monkeypatch.setattr(redaction.default, "_names", {})
    environment._dotenv.cache_clear()
    yield
    environment._dotenv.cache_clear()


@pytest.fixture
def variables(monkeypatch):
    """Sets variables by their names without `DISCORD_`."""
    return lambda **values: [monkeypatch.setenv(f"DISCORD_{name}", value) for name, value in values.items()]


def refusal(name="dev"):
    """The one line that using the profile ends with."""
    with pytest.raises(BotswainError) as caught:
        credentials.credentials(load(name))
    return int(caught.value.code), str(caught.value)


def test_a_secret_alone(desk, variables):
    """It comes with the profile's application, is covered from then on, and shows in no repr."""
    desk.profile(api=API)
    variables(DEV_CLIENT_SECRET=f" {SECRET}\n")
    found = credentials.credentials(load("dev"))
    assert found == ClientSecret(APP, SECRET)
    assert SECRET not in repr(found)
    assert redaction.clean_text(f"x {SECRET}") == "x [redacted:DISCORD_DEV_CLIENT_SECRET]"
    assert credentials.variable_name(load("dev")) == "DISCORD_DEV_CLIENT_SECRET"


def test_a_token_goes_first(desk, variables):
    """It can do all that a secret can, and more."""
    desk.profile(api=API)
    variables(DEV_TOKEN=token(), DEV_CLIENT_SECRET=SECRET)
    assert credentials.credentials(load("dev")) == token()
    assert credentials.variable_name(load("dev")) == "DISCORD_DEV_TOKEN"


def test_the_id_may_come_from_its_variable(desk, variables):
    """A secret needs an id, wherever that is set; a token brings its own."""
    desk.profile(api=API, application_id=None)
    variables(DEV_CLIENT_SECRET=SECRET)
    told = "is required with DISCORD_DEV_CLIENT_SECRET; name it, or set DISCORD_DEV_APPLICATION_ID"
    assert refusal() == (1, f"profiles/dev.yaml: application_id: {told}")
    variables(DEV_APPLICATION_ID=OTHER_APP)
    assert credentials.credentials(load("dev")) == ClientSecret(OTHER_APP, SECRET)


def test_a_sandbox_needs_neither_secret_nor_id(desk, variables):
    """And takes either."""
    desk.profile(application_id=None)
    assert isinstance(credentials.credentials(load("dev")), str)
    variables(DEV_CLIENT_SECRET=SECRET)
    assert credentials.credentials(load("dev")) == ClientSecret(SANDBOX_APPLICATION, SECRET)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (token(), "is a bot token, not a client secret; put it into DISCORD_DEV_TOKEN"),
        (f"Bot {token()}", "is a bot token, not a client secret; put it into DISCORD_DEV_TOKEN"),
        ("short", "is no client secret; copy it again from the OAuth2 page of the application"),
        (f"{SECRET[:16]} {SECRET[16:]}", "is no client secret; copy it again from the OAuth2 page of the application"),
        (f"{SECRET}ä", "is no client secret; copy it again from the OAuth2 page of the application"),
    ],
    ids=["token", "Bot token", "short", "blank", "letter"],
)
def test_what_is_no_secret_is_not_sent(desk, variables, value, told):
    """And not shown; a bot token in the wrong variable is the likeliest mistake."""
    desk.profile(api=API)
    variables(DEV_CLIENT_SECRET=value)
    assert refusal() == (1, f"environment: DISCORD_DEV_CLIENT_SECRET: {told}")


@pytest.mark.parametrize("with_token", [False, True])
def test_an_empty_secret_is_a_lost_one(desk, variables, with_token):
    """Also beside a token, which would hide the loss."""
    desk.profile(api=API)
    variables(DEV_CLIENT_SECRET=" ", **({"DEV_TOKEN": token()} if with_token else {}))
    told = "environment: DISCORD_DEV_CLIENT_SECRET: is set but empty; give it a value or unset it"
    assert refusal() == (1, told)
    with pytest.raises(BotswainError, match="is set but empty"):
        load("dev")  # what needs no credentials tells it too


def test_production_s_secret_elsewhere(desk, variables):
    """Known by its value, whatever application the profile claims; production itself may use it."""
    desk.profile(api=API)
    desk.production(api=API)
    variables(DEV_CLIENT_SECRET=SECRET, PROD_CLIENT_SECRET=f"{SECRET} ")
    told = "DISCORD_DEV_CLIENT_SECRET holds production credentials: they belong to profiles/prod.yaml"
    assert refusal() == (3, f"profiles/dev.yaml: {told}; give dev an application and a secret of its own")
    assert credentials.credentials(load("prod")) == ClientSecret(OTHER_APP, SECRET)


def test_production_s_application_elsewhere(desk, variables):
    """Discord says whose secret it is; the refusal names the variable that is in use."""
    desk.profile(api=API, application_id=None)
    desk.production(api=API)
    variables(DEV_CLIENT_SECRET=SECRET)
    with pytest.raises(BotswainError) as caught:
        credentials.belongs(load("dev"), OTHER_APP)
    assert "DISCORD_DEV_CLIENT_SECRET holds production credentials" in str(caught.value)


def test_a_secret_of_another_application(desk, variables):
    """What Discord says has to be the profile's application."""
    desk.profile(api=API)
    variables(DEV_CLIENT_SECRET=SECRET)
    with pytest.raises(BotswainError) as caught:
        credentials.belongs(load("dev"), OTHER_APP)
    told = f"DISCORD_DEV_CLIENT_SECRET belongs to application {OTHER_APP}, but this profile is for {APP}; use that"
    assert (int(caught.value.code), told in str(caught.value)) == (3, True)
    assert str(caught.value).endswith("use that application's secret, or correct application_id")
