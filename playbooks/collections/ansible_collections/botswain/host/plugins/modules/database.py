"""Makes a role and a database of PostgreSQL, for a bot that comes in through the socket or with a password."""

from __future__ import annotations

DOCUMENTATION = r"""
module: database
short_description: Makes a role and a database of PostgreSQL
version_added: 1.0.0
description:
  - Makes a role that may log in and nothing more, and a database that it owns and that others may not enter.
  - What is there already is left as it is, but for the password of the role and who may enter.
  - Runs C(psql) as whoever becomes; that has to be the superuser, such as C(postgres).
author: Botswain (@botswain)
options:
  name:
    description: The database.
    type: str
    required: true
  role:
    description: The role that owns it.
    type: str
    required: true
  password:
    description: The password of the role. Empty for none; one that is set is left as it is.
    type: str
    default: ""
attributes:
  check_mode:
    description: Says what would be made.
    support: full
  diff_mode:
    description: There are no files to compare.
    support: none
"""

EXAMPLES = r"""
- name: Make the database of a bot
  botswain.host.database:
    name: botswain-stage
    role: botswain-stage
  become: true
  become_user: postgres
"""

RETURN = r"""
done:
  description: What was made, or would be in check mode.
  returned: always
  type: list
  elements: str
checksums:
  description: Whether the cluster keeps checksums of its data.
  returned: success
  type: bool
"""

import os
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

_LOOK = """
SELECT current_setting('data_checksums') = 'on',
       EXISTS (SELECT FROM pg_roles WHERE rolname = :'role'),
       EXISTS (SELECT FROM pg_database WHERE datname = :'name'),
       COALESCE((SELECT has_database_privilege('public', oid, 'CONNECT')
                 FROM pg_database WHERE datname = :'name'), true);
"""
_ROLE = """CREATE ROLE :"role" LOGIN;"""
_DATABASE = """CREATE DATABASE :"name" OWNER :"role" ENCODING 'UTF8' TEMPLATE template0;"""
_CLOSED = """REVOKE ALL ON DATABASE :"name" FROM PUBLIC;"""
_LOGIN = """
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
ALTER ROLE :"role" PASSWORD :'password';
"""


def main() -> None:
    """Runs the module."""
    options = {
        "name": {"type": "str", "required": True},
        "role": {"type": "str", "required": True},
        "password": {"type": "str", "default": "", "no_log": True},
    }
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    if module.check_mode and not module.get_bin_path("psql"):
        module.exit_json(changed=True, done=["everything: PostgreSQL is not installed yet"])
    answered = psql(module, _LOOK).split("|")
    checksums, role, database, entered = (one == "t" for one in answered)
    steps = [
        ("role {}".format(module.params["role"]), _ROLE, not role),
        ("database {}".format(module.params["name"]), _DATABASE, not database),
        ("nobody else may enter {}".format(module.params["name"]), _CLOSED, entered or not database),
        ("password of {}".format(module.params["role"]), _LOGIN, bool(module.params["password"]) and not known(module)),
    ]
    wanted = [(told, statement) for told, statement, missing in steps if missing]
    if not module.check_mode:
        for _, statement in wanted:
            psql(module, statement)
    module.exit_json(changed=bool(wanted), done=[told for told, _ in wanted], checksums=checksums)


def psql(module: AnsibleModule, statements: str) -> str:
    """Run statements as the superuser; what they print. Everything travels on standard input."""
    names = ("name", "role", "password")
    given = "".join(f"\\set {name} {quoted(module.params[name])}\n" for name in names if module.params[name])
    argv = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]
    code, printed, complaint = module.run_command(argv, data=given + statements, cwd="/")
    if code:
        failed(module, complaint)
    return printed.strip()


def known(module: AnsibleModule) -> bool:
    """Whether the role gets in over TCP with the password."""
    argv = ["psql", "-X", "-w", "-q", "-h", "localhost", "-d", module.params["name"], "-U", module.params["role"]]
    variables = {"PGPASSWORD": module.params["password"], "PGCONNECT_TIMEOUT": "5"}
    code, _, _ = module.run_command([*argv, "-c", "SELECT"], environ_update=variables, cwd="/")
    return code == 0


def quoted(text: str) -> str:
    """A text as psql's own commands take it."""
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n"))


def failed(module: AnsibleModule, complaint: str) -> NoReturn:
    """End the module with what psql said, in one line."""
    lines = [line for line in complaint.splitlines() if line.strip()] or ["psql failed"]
    told: dict[str, Any] = {"msg": f"PostgreSQL: {lines[0]}", "done": []}
    module.fail_json(**told)


if __name__ == "__main__":
    os.umask(0o077)
    main()
