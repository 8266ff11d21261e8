"""Installs Debian packages that are missing, also on a host that has neither package lists nor Python's bindings."""

from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Installs Debian packages
version_added: 1.0.0
description:
  - Installs what is missing, without recommended packages. What is there is not brought up to date.
  - Package lists are fetched only where there are none, or an installation fails with those that are there.
  - >-
    Unlike M(ansible.builtin.apt), it needs nothing but dpkg to tell in check mode what would be installed, so that a
    dry run on an empty server has something to say.
author: Botswain (@botswain)
options:
  names:
    description: The packages.
    type: list
    elements: str
    required: true
  wait:
    description: Seconds to wait for another program that installs packages.
    type: int
    default: 300
attributes:
  check_mode:
    description: Says what would be installed.
    support: full
  diff_mode:
    description: Lists the packages that are missing.
    support: full
"""

EXAMPLES = r"""
- name: Install git
  botswain.host.packages:
    names: [git]
"""

RETURN = r"""
installed:
  description: What was installed, or would be in check mode.
  returned: always
  type: list
  elements: str
"""

import glob

from ansible.module_utils.basic import AnsibleModule

_LISTS = "/var/lib/apt/lists/*_Packages*"
_ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "LANGUAGE": "", "NEEDRESTART_SUSPEND": "1"}
_OPTIONS = ["-y", "-q", "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]


def main() -> None:
    """Runs the module."""
    options = {
        "names": {"type": "list", "elements": "str", "required": True},
        "wait": {"type": "int", "default": 300},
    }
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    wanted = module.params["names"]
    missing = absent(module, wanted)
    if missing and not module.check_mode:
        install(module, missing)
        # What another package provides is no package, and never there.
        missing = [one for one in missing if one not in absent(module, missing)]
    text = "".join(f"{one}\n" for one in missing)
    module.exit_json(changed=bool(missing), installed=missing, diff={"before": "", "after": text})


def absent(module: AnsibleModule, names: list[str]) -> list[str]:
    """The packages that are not installed."""
    argv = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *names]
    _, printed, _ = module.run_command(argv, environ_update=_ENVIRONMENT)
    there = {line.split()[0] for line in printed.splitlines() if line.endswith(" installed")}
    return [one for one in dict.fromkeys(names) if one not in there]


def install(module: AnsibleModule, names: list[str]) -> None:
    """Install packages; with new lists where there are none, or the old ones do not do."""
    fresh = not glob.glob(_LISTS)
    if fresh:
        apt(module, "update")
    code = apt(module, "install", "--no-install-recommends", *names, fail=fresh)
    if code:
        apt(module, "update")
        apt(module, "install", "--no-install-recommends", *names)


def apt(module: AnsibleModule, verb: str, *words: str, fail: bool = True) -> int:
    """Run apt-get; its exit code. Ends the module for a failure, unless that is to be tried again."""
    wait = ["-o", f"DPkg::Lock::Timeout={module.params['wait']}"]
    code, printed, complaint = module.run_command(
        ["apt-get", *_OPTIONS, *wait, verb, *words], environ_update=_ENVIRONMENT
    )
    if code and fail:
        lines = [line for line in complaint.splitlines() if line.startswith("E: ")]
        told = lines[0][3:] if lines else f"exit code {code}"
        log = "\n".join((printed + complaint).splitlines()[-20:])
        module.fail_json(msg=f"apt-get {verb}: {told}", installed=[], stderr=log)
    return int(code)


if __name__ == "__main__":
    main()
