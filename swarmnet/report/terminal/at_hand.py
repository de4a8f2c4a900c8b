"""What is available for a restore, and what to type next, for people who were woken up for it."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

from swarmnet.model.age import in_words
from swarmnet.report.terminal.backups import TIME
from swarmnet.report.terminal.console import line
from swarmnet.report.terminal.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from swarmnet.model.at_hand import AtHand, BackupFound, OldHost
    from swarmnet.model.supply import Supply
    from swarmnet.report.terminal.console import Line

INVENTORY = "new.yml"
"""What the inventory of the hosts is called in the commands to type."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*|[0-9]+(?:\.[0-9]+){3}", re.ASCII)
"""Text that YAML takes as it is."""


def at_hand_lines(found: AtHand, now: datetime) -> Iterator[Line]:
    """Yield what a restore needs, with what of it is here."""
    yield "A restore needs a backup, a key that opens it, hosts to restore onto, and what no backup holds."
    yield from _backups(found, now)
    yield from _keys(found)
    for one in found.backups:
        if one.hosts:
            yield from _hosts(one)
            yield from _supplies(one)
    yield ""
    yield line(("next", "bold"))
    for command in next_commands(found):
        yield f"  {command}"


def next_commands(found: AtHand) -> list[str]:
    """Return the commands to type now: one for each backup that can be opened, else what is missing."""
    ready = [one for one in found.backups if one.opened_by is not None]
    if ready:
        look = f"swarmnet trust -i {INVENTORY}"
        return [look, *(shlex.join(("swarmnet", "restore", "plan", *_with_inventory(one))) for one in ready)]
    if any(one.problem is None for one in found.backups):
        return ["swarmnet restore --identity FILE    # the recovery file, or an identity that the backup was sealed to"]
    return ["swarmnet restore --repository DIR|URL    # a directory, a stick, sftp:// or s3://"]


def _with_inventory(one: BackupFound) -> Iterator[str]:
    name, *options = one.words
    yield from (name, "-i", INVENTORY, *options)


def _backups(found: AtHand, now: datetime) -> Iterator[Line]:
    yield ""
    yield line(("1. backup", "bold"))
    for one in found.backups:
        yield from _backup(one, now)
    for archive in found.archives:
        command = shlex.join(("swarmnet", "restore", "raft", *archive.words))
        yield f"  whole state of a manager of {archive.cluster}, secrets included, for hosts with the old addresses:"
        yield line(f"    {archive.name} of {archive.created.strftime(TIME)}; ", (command, "cyan"), " -i INVENTORY")
    for place in found.places:
        if place.backups is None:
            yield f"  not looked at: {place.place} ({place.why}); swarmnet restore --repository {place.place}"
        else:
            what = place.problem or count(place.backups, "backup")
            yield line((f"  {place.place} ({place.why}): {what}", "dim"))


def _backup(one: BackupFound, now: datetime) -> Iterator[Line]:
    if one.created is None:
        yield line("  ", ("cannot be used", "red"), f": {one.place}: {one.problem}")
    else:
        word = "complete" if one.complete else "PARTIAL: it needs --allow-partial"
        yield line(
            "  ",
            (f"{one.cluster}: {one.name}", "bold"),
            f" of {one.created.strftime(TIME)}, {_age((now - one.created).total_seconds())}, {word}",
        )
        if one.problem is not None:
            yield line("  ", ("cannot be used", "red"), f": {one.problem}")
    if one.hint is not None:
        yield f"    {one.hint}"


def _keys(found: AtHand) -> Iterator[Line]:
    yield ""
    yield line(("2. key", "bold"))
    opens = {one.opened_by: one for one in found.backups if one.opened_by is not None}
    for key in found.keys:
        if key.problem is not None:
            yield line(f"  {key.path} ({key.why}): ", (key.problem, "red"))
            if key.hint is not None:
                yield f"    {key.hint}"
        elif key.path in opens:
            yield line(f"  {key.path} ({key.why}): ", (f"opens {opens[key.path].name}", "green"))
        else:
            yield f"  {key.path} ({key.why}): {'not needed' if opens else 'opens none of these'}"
    if not found.keys:
        yield "  none here: neither in the key directory nor next to the backups; the recovery file is one"


def _hosts(one: BackupFound) -> Iterator[Line]:
    yield ""
    yield line((f"3. hosts for {one.cluster}", "bold"), ": sshd and Docker, in no swarm. Such an inventory names them:")
    yield from (f"    {text}" for text in inventory_lines(one))


def inventory_lines(one: BackupFound) -> Iterator[str]:
    """Yield an inventory of the hosts that a backup was taken from; new hosts have other addresses."""
    yield f"# {INVENTORY}: put the addresses of the new hosts here"
    yield "schema: 1"
    yield f"cluster: {_yaml(one.cluster)}"
    yield "hosts:"
    for host in one.hosts:
        yield f"  {_yaml(host.name)}: {{address: {_yaml(host.address or 'ADDRESS')}, role: {_role(host)}}}"


def _yaml(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _role(host: OldHost) -> str:
    return "worker" if host.role is None else host.role.value


def _supplies(one: BackupFound) -> Iterator[Line]:
    yield ""
    yield line((f"4. what no backup of {one.cluster} holds", "bold"))
    if not one.supplies:
        yield "  nothing"
    yield from supply_lines(one.supplies)


def supply_lines(supplies: Sequence[Supply]) -> Iterator[Line]:
    """Yield what the operator brings along, each with what to type."""
    for one in supplies:
        yield f"  {one.kind.value.replace('-', ' ')} {one.what}: {one.why}"
        yield line("    ", (one.how, "cyan"))


def _age(seconds: float) -> str:
    return "from the future: a clock is or was wrong" if seconds < 0 else in_words(seconds)
