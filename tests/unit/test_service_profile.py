"""The section `service` of a profile: what it may say, what it means, and what is told about mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from desk import ROOT

from botswain.errors import InvalidInput
from botswain.profile.load import load
from botswain.profile.settings import Health, Service
from botswain.secrets import environment


@pytest.fixture(autouse=True)
def here(desk, monkeypatch):
    """Works in the folder of `desk`, with no variables of this machine."""
    monkeypatch.chdir(desk.folder)
    environment._dotenv.cache_clear()
    yield
    environment._dotenv.cache_clear()


@pytest.fixture
def service(desk):
    """Reads a profile whose section says that."""

    def read(**fields):
        desk.profile(service=fields)
        return load("dev").service

    return read


@pytest.fixture
def wrong(service):
    """Everything that is wrong with a section, without the file's name."""

    def told(**fields):
        with pytest.raises(InvalidInput) as error:
            service(**{"run": ["true"], **fields})
        return [str(one).removeprefix("profiles/dev.yaml: ") for one in error.value.problems]

    return told


def test_a_profile_without_it_is_about_commands_alone(desk):
    """Nothing is deployed by default."""
    desk.profile()
    assert load("dev").service is None


def test_the_defaults(service):
    """One line is enough; the numbers are those of the documentation."""
    assert service(run="node src/main.js") == Service(
        run=("node", "src/main.js"),
        target="local",
        folder=".",
        build=(),
        lint=(),
        test=(),
        environment={},
        shared=(),
        token="DISCORD_TOKEN",
        secrets={},
        port=None,
        health=Health(alive=None, ready=None, deadline=60, stable_for=10, interval=0.1, timeout=3),
        stop_timeout=15,
        build_timeout=900,
        confirm_within=30,
        keep_releases=5,
    )


def test_every_field_arrives(service):
    """What the file says is what the target gets, also from the cache."""
    fields = {
        "target": "local",
        "folder": "bots/harbour",
        "run": [".venv/bin/python", "-m", "harbour"],
        "build": ["python3 -m venv .venv", [".venv/bin/pip", "install", "-r", "a b.txt"]],
        "lint": "ruff check",
        "test": ["pytest -q"],
        "environment": {"LOG_LEVEL": "debug", "SIZE": 3},
        "shared": ["data/", "settings.json"],
        "token": None,
        "secrets": {"DATABASE_URL": "HARBOUR_DATABASE_URL"},
        "port": 8085,
        "health": {
            "alive": "http://127.0.0.1:8085/healthz",
            "ready": "https://bot.example.org/readyz?x=1",
            "deadline": 5,
            "stable_for": 0,
            "interval": 0.05,
            "timeout": 1.5,
        },
        "stop_timeout": 2.5,
        "build_timeout": 60,
        "confirm_within": 7,
        "keep_releases": 0,
    }
    expected = Service(
        run=(".venv/bin/python", "-m", "harbour"),
        folder="bots/harbour",
        build=(("python3", "-m", "venv", ".venv"), (".venv/bin/pip", "install", "-r", "a b.txt")),
        lint=(("ruff", "check"),),
        test=(("pytest", "-q"),),
        environment={"LOG_LEVEL": "debug", "SIZE": "3"},
        shared=("data/", "settings.json"),
        token=None,
        secrets={"DATABASE_URL": "HARBOUR_DATABASE_URL"},
        port=8085,
        health=Health("http://127.0.0.1:8085/healthz", "https://bot.example.org/readyz?x=1", 5, 0, 0.05, 1.5),
        stop_timeout=2.5,
        build_timeout=60,
        confirm_within=7,
        keep_releases=0,
    )
    assert service(**fields) == expected
    assert load("dev").service == expected
    hash(load("dev"))


def test_a_string_is_split_as_a_shell_would(service):
    """Quotes hold words together, and nothing is expanded or run."""
    found = service(run="""node "my bot.js" --name 'a $b' ''""".replace("$b", "b"), build="make 'a b'")
    assert found.run == ("node", "my bot.js", "--name", "a b", "")
    assert found.build == (("make", "a b"),)


@pytest.mark.parametrize(
    "line", ["a && b", "a || b", "a | b", "a; b", "a ; b", "a &", "a > log", "a 2>&1", "a >>log", "a <in", "a $HOME",
             "a ${HOME}", "a $(pwd)", "a `pwd`"],
)  # fmt: skip
def test_what_only_a_shell_understands_is_refused(wrong, line):
    """No shell runs the commands, so a pipe would silently be an argument."""
    (told,) = wrong(run=line)
    assert told.startswith("service.run: has ")
    asked = 'if one shall, write the words [sh, -c, "…"]; in a list of commands that is [[sh, -c, "…"]]'
    assert told.endswith(f", and no shell runs it; {asked}")
    (told,) = wrong(build=["make", line])
    assert told.startswith("service.build.1: has ")


def test_a_shell_can_be_asked_for(service):
    """In a list, every word means itself."""
    assert service(run=["sh", "-c", "exec node main.js > $LOG"]).run == ("sh", "-c", "exec node main.js > $LOG")
    assert service(run="x", test=[["sh", "-c", "cd tests && make"]]).test == (("sh", "-c", "cd tests && make"),)


def test_a_shell_is_not_three_commands(wrong):
    """`sh`, then `-c`, then a line: nobody means that."""
    (told,) = wrong(test=["sh", "-c", "cd tests && make"])
    assert told == (
        'service.test: would be 3 commands; to have a shell run one, write the words [sh, -c, "…"]; in a list of'
        ' commands that is [[sh, -c, "…"]]'
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"run": ""}, "service.run: names no command"),
        ({"run": []}, "service.run: names no command"),
        ({"run": ["", "x"]}, "service.run: names no command"),
        ({"run": "'open"}, "service.run: cannot be split into words (no closing quotation)"),
        ({"run": 3}, "service.run: must be a list, not 3"),
        ({"run": ["a", 3]}, "service.run.1: must be text, not 3"),
        (
            {"build": ["npm", "ci"]},
            'service.build: would be 2 commands of one word each; one command is ["npm ci"]',
        ),
        ({"build": [[]]}, "service.build.0: names no command"),
        ({"target": "moon"}, "service.target: must be 'local' or 'vm', not \"moon\""),
        ({"fodler": "x"}, 'service.fodler: unknown field; did you mean "folder"?'),
        ({"health": {"redy": "x"}}, 'service.health.redy: unknown field; did you mean "ready"?'),
        ({"folder": "../x"}, 'service.folder: must be a path inside the bot\'s repository, not "../x"'),
        ({"environment": {"A-B": "x"}}, 'service.environment: "A-B" cannot name an environment variable'),
        ({"environment": {"A": True}}, "service.environment.A: must be text, not true"),
        ({"environment": {"BOTSWAIN_RELEASE": "x"}}, "service.environment: BOTSWAIN_RELEASE is set by Botswain"),
        ({"environment": {"A": "x\0"}}, "service.environment: A holds a NUL character"),
        (
            {"environment": {"DISCORD_API": "http://x"}},
            "service: environment.DISCORD_API is the sandbox's address, which Botswain sets; remove it",
        ),
        ({"shared": ["../x"]}, 'service.shared: must be paths below the service\'s folder, not "../x"'),
        ({"shared": ["/x"]}, 'service.shared: must be paths below the service\'s folder, not "/x"'),
        ({"shared": ["."]}, 'service.shared: must be paths below the service\'s folder, not "."'),
        ({"shared": ["a", "a/"]}, "service.shared: a/ is listed twice"),
        ({"shared": ["a/", "a/b"]}, "service.shared: a/b and a lie in each other"),
        ({"token": "a b"}, 'service.token: must be the name of an environment variable, not "a b"'),
        ({"token": "T", "environment": {"T": "x"}},
         "service.token: T is set in environment or secrets too; take it out there"),
        ({"secrets": {"A": "B"}, "environment": {"A": "x"}},
         "service.secrets: A is in environment too; take it out of one"),
        ({"secrets": {"A": "s3cret!"}}, "service.secrets: A must name the variable that holds the value, such as MY_A"),
        ({"secrets": {"discord_token": "B"}}, "service.secrets: discord_token is set by Botswain"),
        ({"port": 0}, "service.port: must be more than 0, not 0"),
        ({"port": 65536}, "service.port: must be at most 65535, not 65536"),
        ({"port": 80, "environment": {"PORT": 81}}, "service.port: is 80, but environment says PORT is 81"),
        ({"health": {"ready": "localhost:80"}},
         'service.health.ready: must be a URL such as http://127.0.0.1:8080/readyz, or a path, not "localhost:80"'),
        ({"health": {"ready": "ftp://x/"}},
         'service.health.ready: must be a URL such as http://127.0.0.1:8080/readyz, or a path, not "ftp://x/"'),
        ({"health": {"alive": "http://x y/"}},
         'service.health.alive: must be a URL such as http://127.0.0.1:8080/readyz, or a path, not "http://x y/"'),
        ({"health": {"alive": "http://x:99999/"}}, "service.health.alive: is no URL (Port out of range 0-65535)"),
        ({"health": {"alive": "http://a:b@x/"}}, "service.health.alive: holds a password; a health URL needs none"),
        ({"health": {"deadline": 0}}, "service.health.deadline: must be more than 0, not 0"),
        ({"health": {"interval": 0}}, "service.health.interval: must be at least 0.02, not 0"),
        ({"stop_timeout": 601}, "service.stop_timeout: must be at most 600, not 601"),
        ({"keep_releases": -1}, "service.keep_releases: must be at least 0, not -1"),
        ({"keep_releases": 1.5}, "service.keep_releases: must be a whole number, not 1.5"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_mistake_is_one_line(wrong, fields, told):
    """Where, what, and what to do."""
    assert wrong(**fields) == [told]


def test_run_is_required(desk):
    """A service that nothing starts is none."""
    desk.profile(service={})
    with pytest.raises(InvalidInput) as error:
        load("dev")
    assert [str(one) for one in error.value.problems] == ["profiles/dev.yaml: service.run: is missing"]


def test_all_mistakes_at_once(wrong):
    """Not the first alone."""
    told = wrong(folder="/x", stop_timeout=0, health={"ready": "x", "deadline": 0}, extra=1)
    assert [one.partition(": ")[0] for one in told] == [
        "service.folder", "service.health.ready", "service.health.deadline", "service.stop_timeout", "service.extra",
    ]  # fmt: skip


def test_the_address_of_discord_is_the_bots_own_business_elsewhere(desk):
    """Only the sandbox's address is Botswain's to give."""
    desk.profile(api="https://discord.example.org/api/v10", service={"run": "x", "environment": {"DISCORD_API": "y"}})
    assert load("dev").service.environment == {"DISCORD_API": "y"}


def test_editors_know_the_section():
    """The JSON Schema explains every field, and takes both ways to write a command."""
    from jsonschema import Draft202012Validator

    schema = json.loads((ROOT / "profiles/profile.schema.json").read_text())
    for part in ("Service", "Health"):
        for name, field in schema["$defs"][part]["properties"].items():
            assert field.get("description") or (part == "Service" and name == "health"), name
    validator = Draft202012Validator(schema)
    for run, build in (("node x", "make"), (["node", "x"], ["make", ["a", "b"]])):
        validator.validate({"environment": "dev", "service": {"run": run, "build": build, "environment": {"A": 1}}})
    for bad in ({"run": 3}, {"run": "x", "target": "moon"}, {"run": "x", "nothing": 1}, {}):
        assert not validator.is_valid({"environment": "dev", "service": bad}), bad


def test_the_documentation_has_every_field():
    """docs/service.md names each field, and its example is a profile that can be read."""
    text = Path(ROOT / "docs/service.md").read_text()
    for name in (*Service.__dataclass_fields__, *(f"health.{one}" for one in Health.__dataclass_fields__)):
        assert f"`{name}`" in text, name
    example = text.split("```yaml\n", 1)[1].split("```", 1)[0]
    from botswain.profile.model import ProfileFile, validate

    assert isinstance(validate(yaml.safe_load(example), "docs/service.md"), ProfileFile)


def test_paths_of_health_are_at_the_port_that_is_named(desk, monkeypatch):
    """By `port`, or by PORT; without either the machine has to give one."""
    monkeypatch.chdir(desk.folder)
    for named, port in (({"port": 81}, 81), ({"environment": {"PORT": 82}}, 82)):
        desk.profile(service={"run": "a", "health": {"alive": "/healthz", "ready": "https://b.example/"}, **named})
        found = load("dev").service
        assert found.health == Health(f"http://127.0.0.1:{port}/healthz", "https://b.example/")
        assert not found.any_port
    desk.profile(service={"run": "a", "health": {"alive": "/healthz"}})
    found = load("dev").service
    assert found.any_port
    assert found.at(83).health.alive == "http://127.0.0.1:83/healthz"


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ({"health": {"ready": "/r"}}, "service.health: a path wants port on a host, where no free one is taken"),
        (
            {"workers": {"run": "w", "health": {"ready": "/r"}}},
            "service: workers.health: a path wants workers.port on a host",
        ),
    ],
)
def test_a_host_has_no_free_port_to_give(desk, monkeypatch, service, told):
    """What listens there is somebody's decision."""
    monkeypatch.chdir(desk.folder)
    desk.profile(api="https://discord.com/api/v10", service={"run": "a", "target": "vm", **service})
    with pytest.raises(InvalidInput, match=told):
        load("dev")
