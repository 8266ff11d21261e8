"""Records what a role made on a host, so that a later look can tell what was changed there by hand."""

from __future__ import annotations

DOCUMENTATION = r"""
module: record
short_description: Records what a role made on a host
version_added: 1.0.0
description:
  - Writes the digests, modes and owners of files and folders, and the names of packages and units, to a file.
  - C(./inv doctor) compares the host with it.
author: Botswain (@botswain)
options:
  name:
    description: The record, such as C(bot-stage).
    type: str
    required: true
  files:
    description: Files that nobody else is expected to change.
    type: list
    elements: path
    default: []
  folders:
    description: Folders whose owner and mode matter.
    type: list
    elements: path
    default: []
  packages:
    description: Debian packages that have to stay installed.
    type: list
    elements: str
    default: []
  units:
    description: Units that have to stay enabled.
    type: list
    elements: str
    default: []
  directory:
    description: Where records are.
    type: path
    default: /etc/botswain/provisioned
attributes:
  check_mode:
    description: Says whether there is no record yet; what it would hold is not known before.
    support: partial
  diff_mode:
    description: There are no files to compare.
    support: none
"""

EXAMPLES = r"""
- name: Record what was made
  botswain.host.record:
    name: bot-stage
    files: [/etc/systemd/system/botswain-stage.service]
    units: [botswain-stage.service]
"""

RETURN = r"""
path:
  description: The record.
  returned: always
  type: str
"""

import grp
import json
import os
import pwd
import stat
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.botswain.host.plugins.module_utils.programs import digest, write


def main() -> None:
    """Runs the module."""
    names = ("files", "folders", "packages", "units")
    options: dict[str, Any] = {
        "name": {"type": "str", "required": True},
        "directory": {"type": "path", "default": "/etc/botswain/provisioned"},
    }
    for name in names:
        options[name] = {"type": "list", "elements": "path" if name[0] == "f" else "str", "default": []}
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    path = os.path.join(module.params["directory"], module.params["name"] + ".json")
    if module.check_mode:
        module.exit_json(changed=not os.path.exists(path), path=path)
    known = {name: sorted(set(module.params[name])) for name in ("packages", "units")}
    paths = sorted({*module.params["files"], *module.params["folders"]})
    text = json.dumps({**known, "paths": {one: looked_at(one) for one in paths}}, indent=1, sort_keys=True)
    changed = stored(path, text)
    module.exit_json(changed=changed, path=path)


def looked_at(path: str) -> dict[str, str]:
    """What a path is like; its owner by name, since numbers may differ after a restore."""
    found = os.lstat(path)
    told = {"mode": f"{stat.S_IMODE(found.st_mode):04o}", "owner": owner(found.st_uid), "group": group(found.st_gid)}
    return {**told, "sha256": digest(path) or ""} if stat.S_ISREG(found.st_mode) else told


def owner(number: int) -> str:
    """The name of a user, or the number where nobody has it."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group(number: int) -> str:
    """The name of a group, or the number where there is none."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def stored(path: str, text: str) -> bool:
    """Write the record at once; whether it said something else before."""
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return False
    except OSError:
        pass
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    draft = f"{path}.{os.getpid()}"
    write(draft, text.encode(), 0o644)
    os.replace(draft, path)
    return True


if __name__ == "__main__":
    main()
