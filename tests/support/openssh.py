"""What OpenSSH itself makes of an ssh_config file: ``ssh -G``, the judge of ours."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from swarmnet.edge.ssh import options as read
from swarmnet.edge.ssh.config import SSHConfig, config_files
from swarmnet.edge.ssh.criteria import Criteria, Operator
from swarmnet.edge.ssh.target import _Found, _operator
from swarmnet.errors import UsageError
from swarmnet.model.hosts import HostKeyPolicy, SSHSettings, read_jumps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from swarmnet.edge.ssh.words import Directive

Facts = dict[str, object]
SSH = "/usr/bin/ssh"

_STRICTNESS = {
    "true": HostKeyPolicy.STRICT,
    "ask": HostKeyPolicy.ASK,
    "accept-new": HostKeyPolicy.ACCEPT_NEW,
    "false": HostKeyPolicy.ACCEPT_NEW,
}
_DEFAULTS: Facts = {
    "canonicaldomains": "none",
    "canonicalizefallbacklocal": True,
    "canonicalizehostname": "no",
    "canonicalizemaxdots": 1,
    "canonicalizePermittedcnames": "none",
    "connectionattempts": 1,
    "connecttimeout": None,
    "port": 22,
    "serveraliveinterval": 0,
}
_CANONICAL = {"true": "yes", "false": "no"}
_LISTS = ("identityfile", "certificatefile")
_OFF_BY_NONE = ("connecttimeout", "proxycommand", "proxyjump", "revokedhostkeys")
_FILES = ("userknownhostsfile", "globalknownhostsfile")
_ONCE: dict[str, Callable[[Directive], object]] = {
    "addressfamily": lambda line: {"AF_INET": "inet", "AF_INET6": "inet6", "AF_UNSPEC": "any"}[read.family(line).name],
    "bindaddress": read.text,
    "canonicaldomains": lambda line: " ".join(read.domains(line)) or "none",
    "canonicalizefallbacklocal": read.flag,
    "canonicalizehostname": read.canonicalize,
    "canonicalizemaxdots": read.number,
    "canonicalizePermittedcnames": lambda line: " ".join(map(":".join, read.cname_rules(line))) or "none",
    "connecttimeout": read.seconds,
    "connectionattempts": read.number,
    "hashknownhosts": read.flag,
    "hostkeyalias": lambda line: read.text(line).lower(),
    "identitiesonly": read.flag,
    "port": read.port,
    "proxycommand": read.command,
    "proxyjump": lambda line: _jumps(read.jump(line)),
    "revokedhostkeys": read.file,
    "serveraliveinterval": read.seconds,
    "stricthostkeychecking": read.strictness,
    "user": read.text,
}


def operator() -> Operator:
    return _operator(os.environ)


def by_ssh(config: Path, host: str, environment: dict[str, str] | None = None) -> Facts | None:
    """Return what ``ssh -G`` says, None when it refuses the file."""
    done = subprocess.run(
        [SSH, "-G", "-F", str(config), "--", host],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        return None
    said: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        said.setdefault(keyword, []).append(value)
    facts: Facts = {"hostname": said["hostname"][0]}
    for keyword in _ONCE:
        facts[keyword] = _meant(keyword, said.get(keyword, [None])[0])
    facts["stricthostkeychecking"] = _STRICTNESS[said["stricthostkeychecking"][0]]
    for keyword in _LISTS:
        facts[keyword] = said.get(keyword, [])
    for keyword in _FILES:
        facts[keyword] = said[keyword][0]
    agent = said.get("identityagent", [None])[0]
    facts["identityagent"] = os.path.expandvars(agent) if agent and agent != "none" else None
    return facts


def _jumps(chain: str | None) -> object:
    """Return a chain without its spelling: ssh prints ``ssh://u@g:4/`` as ``u@g:4``."""
    try:
        return chain and read_jumps(chain)
    except ValueError:
        return chain


def _meant(keyword: str, value: str | None) -> object:
    if value is None or (value.lower() == "none" and keyword in _OFF_BY_NONE):
        return None
    if keyword == "canonicalizehostname":
        return _CANONICAL.get(value, value)
    if keyword == "proxyjump":
        return _jumps(value)
    if keyword in ("canonicalizefallbacklocal", "hashknownhosts", "identitiesonly"):
        return value == "yes"
    if keyword in ("canonicalizemaxdots", "connecttimeout", "connectionattempts", "port", "serveraliveinterval"):
        return int(value)
    return value


def by_us(config: Path, host: str) -> Facts | None:
    """Return the same of swarmnet's own reading, None when it refuses the file."""
    ours = SSHConfig(config_files(str(config), os.environ), Criteria(operator(), os.environ))
    settings = SSHSettings(config=str(config), jump="none")
    try:
        options, hostname = ours.look_up(host)
        target = _Found(options, ours.criteria, settings, hostname, host).target(host)
        facts: Facts = {"hostname": hostname}
        for keyword, reader in _ONCE.items():
            line = options.get(keyword.lower())
            facts[keyword] = _DEFAULTS.get(keyword) if line is None else reader(line)
        for keyword in _LISTS:
            facts[keyword] = list(dict.fromkeys(line.first for line in options.all(keyword)))
        facts["userknownhostsfile"] = " ".join(map(str, target.trust.user_files)) or "none"
        facts["globalknownhostsfile"] = " ".join(map(str, target.trust.global_files)) or "none"
        facts["identityagent"] = target.keys.agent if options.get("identityagent") else None
    except UsageError:
        return None
    return facts


def differences(config: Path, host: str) -> dict[str, tuple[object, object]]:
    """Return the facts that ssh and swarmnet see differently: ssh's first, then ours."""
    theirs, ours = by_ssh(config, host), by_us(config, host)
    if theirs is None or ours is None:
        return {} if theirs is ours else {"whole file": (theirs is not None, ours is not None)}
    defaults: Facts = {
        "user": operator().user,
        "addressfamily": "any",
        "hashknownhosts": False,
        "identitiesonly": False,
        "stricthostkeychecking": HostKeyPolicy.ASK,
    }
    found = {}
    for fact, right in theirs.items():
        mine = ours[fact]
        if mine is None and fact in defaults:
            mine = defaults[fact]
        if mine in (None, []) and fact in _LISTS:
            continue  # ssh's own defaults
        if mine != right:
            found[fact] = (right, mine)
    return found
