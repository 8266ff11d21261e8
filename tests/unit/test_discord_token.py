from __future__ import annotations

import subprocess
import sys
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botswain.discord.token import application_id_hint, well_formed


@given(st.integers(0, 2**64 - 1))
def test_the_id_in_a_token_is_found(number: int) -> None:
    """The first part of a bot token names its bot, whatever padding its base64 would need."""
    first = urlsafe_b64encode(str(number).encode()).decode().rstrip("=")
    assert application_id_hint(f"{first}.GxYz_1.a-b_c") == str(number)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "MTIz",
        "MTIz.x",
        "Bot MTIz.x.y",
        "MTIz.x.y\n",
        '"MTIz.x.y"',
        "MTIz..y",
        "YWJj.x.y",
        "_w.x.y",
        "M.x.y",
        "MTIz.x.y.z",
    ],
)
def test_what_is_no_bot_token_gives_no_hint(token: str) -> None:
    """Usual paste mistakes, a client secret and a first part that is no number are recognized."""
    assert application_id_hint(token) is None
    assert not well_formed(token)


def test_looking_at_a_token_loads_no_http_client() -> None:
    """Profiles check tokens at every start, so this must stay cheap."""
    code = "import sys, botswain.discord.token as t; print(t.well_formed('MTIz.x.y'), 'httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
