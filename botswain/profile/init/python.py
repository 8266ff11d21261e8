"""A bot in Python: which library it uses, and where its bot or tree is made. The code is parsed, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botswain.profile.init.files import text_of, walk
from botswain.profile.init.proposal import DOCS, Proposal, other

_LIBRARIES = {
    "disnake": "disnake",
    "nextcord": "nextcord",
    "hikari": "hikari",
    "py-cord": "Pycord",
    "pycord": "Pycord",
    "discord-py-interactions": "interactions.py",
    "interactions-py": "interactions.py",
    "discord-py": "discord.py",
    "discord": "discord.py",
}
"""By name as package registries compare them; the first that a bot asks for counts."""
_MODULES = {"disnake": "disnake", "nextcord": "nextcord", "hikari": "hikari", "interactions": "interactions.py"}
_LISTS = ("requirements*.txt", "requirements/*.txt", "requirements/*.in", "requirements*.in")
_PROJECTS = ("pyproject.toml", "uv.lock", "poetry.lock", "Pipfile", "Pipfile.lock", "setup.cfg", "setup.py")
_TREE = "CommandTree"
_SHAPING = frozenset({"set_translator", "add_command", "add_cog"})
"""What a `setup_hook` may call that changes which commands there are, or what they say, beside loading extensions."""
_LOADING = frozenset({"load_extension", "load_extensions"})
_BOTS = frozenset({"Bot", "AutoShardedBot", "Client", "AutoShardedClient"})
_FROM_GIT = re.compile(r"git\+\w+://[^/\s]+/[^/\s]+/([A-Za-z0-9._-]+?)(?:\.git)?(?:[@#\s]|$)")
_WHOLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass
class _Module:
    """What one file defines, as far as it matters here."""

    path: Path
    folder: Path
    """Where Python has to look for it, from the repository."""
    name: str
    trees: list[str] = field(default_factory=list)
    bots: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """Classes of bots that can be made without arguments."""
    makers: list[str] = field(default_factory=list)
    """Functions without arguments that return one."""
    extension: bool = False
    imports: set[str] = field(default_factory=set)


def look(repo: Path) -> Proposal | None:
    """The proposal for a bot in Python; None where no Discord library is in sight."""
    parsed = [(path, tree) for path in walk(repo, (".py",)) if (tree := _parsed(path)) is not None]
    library = _library(repo, [tree for _, tree in parsed])
    if library is None:
        return None
    if library != "discord.py":
        return other(repo, library, (".venv/bin/python", "print_commands.py"))
    classes = _bot_classes(tree for _, tree in parsed)
    modules = [_module(repo, path, tree, classes) for path, tree in parsed]
    hooked = _called_in_hooks(tree for _, tree in parsed)
    for part in ("trees", "bots", "kinds", "makers"):
        for one in modules:
            for name in getattr(one, part):
                return _proposal(repo, one, name, modules, hooked)
    return other(
        repo, "discord.py, without a bot or a tree at the top of a module", (".venv/bin/python", "print_commands.py")
    )


def is_bot(repo: Path) -> bool:
    """Whether a list of requirements asks for a Discord library."""
    return not _LIBRARIES.keys().isdisjoint(_asked_for(repo))


def _proposal(repo: Path, module: _Module, name: str, modules: list[_Module], hooked: frozenset[str]) -> Proposal:
    settings: dict[str, Any] = {"object": f"{module.name}:{name}"}
    shaping = sorted(hooked & _SHAPING)
    extensions = [] if shaping and hooked & _LOADING else _extensions(repo, module, modules)
    if extensions:
        settings["extensions"] = extensions
    if shaping:
        settings["setup_hook"] = True
    if module.folder != Path():
        settings["environment"] = {"PYTHONPATH": module.folder.as_posix()}
    with_cogs = f" and its extensions in {', '.join(extensions)}" if extensions else ""
    with_cogs += " and what its setup_hook does" if shaping else ""
    comments = [f"The bot or its tree, as module:name; {DOCS.format('discord-py')} tells more."]
    if not any((repo / one).exists() for one in (".venv", "venv")):
        comments.append("It is read by python3; name the bot's own Python in `interpreter` if that is another.")
    if shaping:
        comments.append(f"setup_hook is run to read them, without a login, for it calls {', '.join(shaping)}.")
    where = module.path.relative_to(repo)
    return Proposal("discord.py", f"a discord.py bot, {name} in {where}{with_cogs}", settings, tuple(comments))


# Which library


def _library(repo: Path, trees: list[ast.Module]) -> str | None:
    asked = set(_asked_for(repo))
    for package, library in _LIBRARIES.items():
        if package in asked:
            return library
    imported = {name.partition(".")[0] for tree in trees for name in _aliases(tree).values()}
    for module, library in _MODULES.items():
        if module in imported:
            return library
    if "discord" not in imported:
        return None
    names = {name for tree in trees for name in _aliases(tree).values()}
    used = {
        _dotted(one, aliases)
        for tree in trees
        for aliases in [_aliases(tree)]
        for one in ast.walk(tree)
        if isinstance(one, ast.Attribute)
    }
    only_pycord = {"discord.slash_command", "discord.SlashCommandGroup", "discord.ApplicationContext", "discord.Bot"}
    return "Pycord" if (names | used) & only_pycord else "discord.py"


def _asked_for(repo: Path) -> Iterator[str]:
    """The packages that the repository asks for, as registries compare their names."""
    for pattern in _LISTS:
        for path in sorted(repo.glob(pattern)):
            for line in text_of(path).splitlines():
                if found := _FROM_GIT.search(line) or _WHOLE.match(line.strip()):
                    yield _normal(found[found.re.groups])
    for name in _PROJECTS:
        for found in re.findall(
            r"""["']([A-Za-z0-9][A-Za-z0-9._-]*)|^\s*([A-Za-z0-9._-]+)""", text_of(repo / name), re.MULTILINE
        ):
            yield _normal(found[0] or found[1])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.rstrip(".-_")).lower()


# Where the bot is made


def _parsed(path: Path) -> ast.Module | None:
    try:
        return ast.parse(text_of(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _aliases(tree: ast.Module) -> dict[str, str]:
    """What the names that a module imports stand for: `commands` for `discord.ext.commands`."""
    found: dict[str, str] = {}
    for one in ast.walk(tree):
        if isinstance(one, ast.Import):
            for alias in one.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(one, ast.ImportFrom) and one.level == 0:
            for alias in one.names:
                found[alias.asname or alias.name] = f"{one.module}.{alias.name}"
    return found


def _dotted(expression: ast.expr, aliases: dict[str, str]) -> str:
    """`discord.ext.commands.Bot` for what is written as `commands.Bot`."""
    if isinstance(expression, ast.Name):
        return aliases.get(expression.id, expression.id)
    if isinstance(expression, ast.Attribute):
        return f"{_dotted(expression.value, aliases)}.{expression.attr}"
    return _dotted(expression.value, aliases) if isinstance(expression, ast.Subscript) else ""


def _is_bot(name: str, classes: set[str]) -> bool:
    last = name.rpartition(".")[2]
    return (name.startswith("discord.") and last in _BOTS) or last in classes


def _bot_classes(trees: Iterator[ast.Module]) -> set[str]:
    """The bot's own classes of bots, also those made of another of them."""
    known = [
        (one.name, [_dotted(base, aliases) for base in one.bases])
        for tree in trees
        for aliases in [_aliases(tree)]
        for one in tree.body
        if isinstance(one, ast.ClassDef)
    ]
    classes: set[str] = set()
    for _ in known:
        more = {name for name, bases in known if any(_is_bot(base, classes) for base in bases)}
        if more == classes:
            break
        classes = more
    return classes


def _called_in_hooks(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The names of whatever is called in a bot's `setup_hook`, written as a method, under `@bot.event`, or assigned."""
    called: set[str] = set()
    for tree in trees:
        nodes = list(ast.walk(tree))
        names = {"setup_hook"} | {
            one.value.id
            for one in nodes
            if isinstance(one, ast.Assign) and isinstance(one.value, ast.Name)
            for target in one.targets
            if isinstance(target, ast.Attribute) and target.attr == "setup_hook"
        }
        hooks = [one for one in nodes if isinstance(one, ast.AsyncFunctionDef) and one.name in names]
        calls = [one.func for hook in hooks for one in ast.walk(hook) if isinstance(one, ast.Call)]
        called |= {one.attr for one in calls if isinstance(one, ast.Attribute)}
    return frozenset(called)


def _module(repo: Path, path: Path, tree: ast.Module, classes: set[str]) -> _Module:
    aliases = _aliases(tree)
    imports = {name.partition(".")[0] for name in aliases.values()}
    folder = _import_folder(repo, path, imports)
    parts = path.relative_to(repo / folder).with_suffix("").parts
    module = _Module(path, folder, ".".join(parts[:-1] if parts[-1] == "__init__" else parts), imports=imports)
    for one in _top(tree):
        if isinstance(one, ast.Assign | ast.AnnAssign) and isinstance(one.value, ast.Call):
            made = _dotted(one.value.func, aliases)
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            if made.startswith("discord.") and made.endswith(f".{_TREE}"):
                module.trees += names
            elif _is_bot(made, classes):
                module.bots += names
        elif isinstance(one, ast.ClassDef) and one.name in classes and _without_arguments(one):
            module.kinds.append(one.name)
        elif isinstance(one, ast.FunctionDef) and _makes_one(one, aliases, classes):
            module.makers.append(one.name)
        if isinstance(one, ast.AsyncFunctionDef) and one.name == "setup" and len(one.args.args) == 1:
            module.extension = True
    return module


def _makes_one(function: ast.FunctionDef, aliases: dict[str, str], classes: set[str]) -> bool:
    """Whether a function without arguments says that it returns a bot."""
    return (
        function.returns is not None
        and not _needs(function.args)
        and _is_bot(_dotted(function.returns, aliases), classes)
    )


def _top(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that run when the module is imported."""
    for one in tree.body:
        if isinstance(one, ast.Try):
            yield from one.body
        else:
            yield one


def _needs(arguments: ast.arguments, *, but: int = 0) -> bool:
    """Whether a function has arguments without a default, the first `but` of them left out."""
    plain = [*arguments.posonlyargs, *arguments.args][but:]
    return len(plain) > len(arguments.defaults) or None in arguments.kw_defaults


def _without_arguments(kind: ast.ClassDef) -> bool:
    """Whether the class can be made just so: it has a constructor of its own that needs nothing."""
    for one in kind.body:
        if isinstance(one, ast.FunctionDef) and one.name == "__init__":
            return not _needs(one.args, but=1)
    return False


def _import_folder(repo: Path, path: Path, imports: set[str]) -> Path:
    """The folder from which the module's own imports work: the repository, `src`, or the script's own folder."""
    parent = path.parent
    while (parent / "__init__.py").exists() and parent != repo:
        parent = parent.parent
    if parent == repo or not parent.is_relative_to(repo):
        return Path()
    inside = parent.relative_to(repo)
    beside = {one.stem for one in parent.iterdir() if one.suffix == ".py" or one.is_dir()} - {path.stem}
    return inside if inside.name in ("src", "lib") or (path.parent == parent and imports & beside) else Path()


def _extensions(repo: Path, bot: _Module, modules: list[_Module]) -> list[str]:
    """Packages whose modules are extensions, as `cogs.*`, and single ones, by the names that the bot imports."""
    start = repo / bot.folder
    found = set()
    for one in modules:
        if one.extension and one is not bot and one.path.is_relative_to(start):
            path = one.path.parent if one.path.name == "__init__.py" else one.path.with_suffix("")
            *package, name = path.relative_to(start).parts
            found.add(".".join([*package, "*"]) if package else name)
    return sorted(found)
