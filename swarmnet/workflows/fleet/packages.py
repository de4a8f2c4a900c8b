"""Read what hosts' packages say about their engines. Nothing is changed, and nothing is fetched."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from swarmnet.errors import CommandError, HostError, RefusedError
from swarmnet.model.border import border
from swarmnet.model.packages import HostPackages, Offer, Package, PackageChange
from swarmnet.operations.engine.choice import NAMES, choice
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.packages import PackageQuestion
    from swarmnet.model.ports import Ports, ShellPort

READ_LIMIT = 60.0
"""Seconds for a host to answer; apt reads its lists for each question."""
REFRESH_LIMIT = 600.0

FACTS = """\
LC_ALL=C; export LC_ALL
tell() { printf '%s' "$1"; shift; printf '\\t%s' "$@"; echo; }
(. /etc/os-release && tell os "$ID") 2>/dev/null
program=$(command -v dockerd) && program=$(readlink -f "$program") && {
  owner=$(dpkg-query -S "$program" 2>/dev/null | head -n 1)
  [ -n "$owner" ] || owner=$(dpkg-query -S "${program#/usr}" 2>/dev/null | head -n 1)
  tell program "$program" "${owner%%:*}"
}
if [ -e /var/snap/docker ] || [ -e /snap/docker ]; then tell snap yes; fi
command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || exit 0
[ -z "$(dpkg --audit)" ] || tell unfinished yes
offers=$(apt-cache show "$@" 2>/dev/null | awk '/^Package: / { name = $2 } /^Version: / { print name, $2 }')
candidates=$(apt-cache policy "$@" 2>/dev/null | awk '/^[^ ]/ { name = $1 } /^  Candidate: / { print name, $2 }')
for name in "$@"; do
  present=
  set -- $(dpkg-query -W -f '${db:Status-Status} ${Version}' "$name" 2>/dev/null)
  case ${1:-not-installed} in
  not-installed | config-files) ;;
  *) present=$2; tell installed "$name" "$present" ;;
  esac
  echo "$offers" | while read -r package version; do
    [ "$package" = "$name" ] || continue
    order=ok
    [ -z "$present" ] || ! dpkg --compare-versions "$version" lt "$present" || order=older
    tell offer "$name" "$version" "$order"
  done
  echo "$candidates" | while read -r package version; do
    case "$package $version" in "$name: (none)") ;; "$name: "*) tell candidate "$name" "$version" ;; esac
  done
done
lists=$(stat -c %Y /var/lib/apt/lists/partial 2>/dev/null) && tell age $(($(date +%s) - lists))
exit 0
"""
"""``sh -c FACTS sh NAME...`` prints a line for each fact, its words separated by tabs.

apt reads all its lists for each question, which takes a second: it is asked twice for all packages together.
"""

_APT = ("env", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q")
_STEP = re.compile(r"(?P<verb>Inst|Remv) (?P<name>\S+)(?: \[(?P<before>[^\]]+)\])?(?: \((?P<after>\S+))?")


def refresh(ports: Ports, hosts: Iterable[str]) -> None:
    """Let hosts fetch the lists of their sources (``apt-get update``).

    Raises:
        CommandError: one of them could not; names each.
    """

    def fetch(host: str) -> None:
        ended = ports.shell(host).run((*_APT, "update"), timeout=REFRESH_LIMIT, sudo=True)
        if ended.exit_code:
            said = ended.stderr.decode(errors="replace").strip()
            raise CommandError(host, f"apt-get update failed: {said[-300:]}", hint=f"repair the sources of {host}")

    ended = fan_out(hosts, fetch, listener=ports.listener)
    for error in ended.values():
        if isinstance(error, HostError):
            raise error


def packages_of(ports: Ports, asked: PackageQuestion) -> dict[str, HostPackages | HostError]:
    """Return what the packages of each host say, and what apt would do for the version that is asked for."""
    wanted = [host.name for host in ports.inventory.hosts if host.name in asked.hosts]
    return fan_out(wanted, lambda host: _look(ports.shell(host), asked), listener=ports.listener)


def _look(shell: ShellPort, asked: PackageQuestion) -> HostPackages:
    printed = shell.run(("sh", "-c", FACTS, "sh", *NAMES), timeout=READ_LIMIT)
    with border(shell.host, "read its packages"):
        found = _facts(shell.host, printed.stdout.decode(errors="replace"))
    with suppress(RefusedError):  # the plan refuses it again
        chosen = choice(found, asked)
        if not chosen.is_there:
            return _tried(shell, found, chosen.missing)
    return found


def _facts(host: str, text: str) -> HostPackages:
    lines = [line.split("\t") for line in text.splitlines()]

    def lines_of(word: str) -> Iterator[list[str]]:
        return (rest for first, *rest in lines if first == word)

    program, owner = next(lines_of("program"), ["", ""])
    age = next(lines_of("age"), [""])[0]
    return HostPackages(
        host=host,
        distribution=next(lines_of("os"), [""])[0],
        installed=tuple(Package(name=name, version=version) for name, version in lines_of("installed")),
        offers=tuple(
            Offer(name=name, version=version, is_older=order == "older") for name, version, order in lines_of("offer")
        ),
        candidates=tuple(Package(name=name, version=version) for name, version in lines_of("candidate")),
        program=program,
        owner=owner,
        has_snap=any(lines_of("snap")),
        unfinished=any(lines_of("unfinished")),
        lists_age=float(age) if age else None,
    )


def _tried(shell: ShellPort, found: HostPackages, words: Iterable[str]) -> HostPackages:
    """Return what apt would do; a simulation reads only."""
    ended = shell.run((*_APT, "--simulate", "install", *words), timeout=READ_LIMIT)
    if ended.exit_code:
        return found.model_copy(update={"said": ended.stderr.decode(errors="replace").strip()[-500:]})
    steps = (_STEP.match(line) for line in ended.stdout.decode(errors="replace").splitlines())
    changes = tuple(
        PackageChange(name=one["name"], before=one["before"], after=one["after"] if one["verb"] == "Inst" else None)
        for one in steps
        if one is not None
    )
    return found.model_copy(update={"changes": changes})
