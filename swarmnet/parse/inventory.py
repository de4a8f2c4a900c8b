"""Read inventory files into ``Inventory``; every problem has its line."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, WithJsonSchema

from swarmnet.model.base import Document, JsonValue, Labels
from swarmnet.model.blocks import overlapping, special
from swarmnet.model.hosts import NO_ROLE, AddressPool, Availability, Host, Inventory, Role, SSHSettings
from swarmnet.parse.check import Checker, closest
from swarmnet.parse.yaml import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from swarmnet.errors import Problem
    from swarmnet.parse.yaml import Source

V = TypeVar("V")

SCHEMA = 1
MOST_MANAGERS = 7
"""More managers make every decision slower and add little (Docker's own advice)."""
RESERVED = frozenset({"manager", "worker", NO_ROLE, "all"})

BUILT_IN = frozenset({"name", "address"})
"""Variables that every host has."""

_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
_ADDRESS = r"[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,252}"
_INTERFACE = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}"


def _name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise ValueError("must be a name: up to 63 letters, digits, '-', '_' and '.', beginning with a letter or digit")
    return value


def _address(value: str) -> str:
    if not re.fullmatch(_ADDRESS, value):
        raise ValueError("must be a plain IP address or DNS name: write user and port under 'ssh', and no brackets")
    if value.count(":") == 1:
        raise ValueError("must not contain a port: write it as 'port' under 'ssh'")
    if re.fullmatch(r"[0-9.]+", value) and not _is_ip(value):
        raise ValueError(f"{value!r} is not an IP address: it has four numbers from 0 to 255")
    return value


def _place(value: str) -> str:
    if not re.fullmatch(_INTERFACE, value) and not _is_ip(value):
        raise ValueError("must be an IP address without port or mask, or the name of an interface")
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(_VARIABLE, value):
        raise ValueError("must hold only letters, digits and '_', and begin with a letter or '_'")
    if value in BUILT_IN:
        raise ValueError(f"every host has {value!r} of its own: choose another name")
    return value


Variables = dict[Annotated[str, AfterValidator(_variable)], JsonValue]
Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})]
Address = Annotated[str, AfterValidator(_address), WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS}$"})]
Endpoint = Annotated[str, AfterValidator(_place)]


class GroupEntry(Document):
    """A group in the file."""

    hosts: tuple[str, ...] = ()
    """Names of members."""
    labels: Labels = Field(default_factory=dict)
    """Node labels of every member; a member's own labels override them."""
    vars: Variables = Field(default_factory=dict)
    """Variables of every member; a member's own override them."""


class HostEntry(Document):
    """A host in the file."""

    address: Address
    """IP address or DNS name that SSH connects to."""
    role: Role | Literal["none"] = Role.WORKER
    """manager, worker, or none for a host that must not be in the swarm: apply makes it leave."""
    labels: Labels = Field(default_factory=dict)
    """Node labels."""
    availability: Availability | None = None
    """active, pause or drain; not managed if left out."""
    advertise: Endpoint | None = None
    """IP address or interface that the other nodes connect to; default: the address above."""
    data_path: Endpoint | None = None
    """IP address or interface for the overlays' traffic; default: the advertised one."""
    groups: tuple[str, ...] = ()
    """Groups of this host, in addition to those that name it."""
    vars: Variables = Field(default_factory=dict)
    """Values that playbooks take by ``${host.NAME}``; they override those of groups and of the file."""
    ssh: SSHSettings = SSHSettings()
    """Overrides the file's own ``ssh``, key by key."""


class InventoryFile(Document):
    """The whole file."""

    version: Literal[1] = Field(alias="schema")
    """Version of the document's format."""
    cluster: Name
    """The cluster's name: shown before anything changes, written into locks and backups."""
    ssh: SSHSettings = SSHSettings()
    """How to log in, for all hosts; what is left out comes from ~/.ssh/config."""
    vars: Variables = Field(default_factory=dict)
    """Variables of all hosts."""
    address_pools: tuple[AddressPool, ...] = ()
    """Where networks with ``subnet: auto`` get their blocks from, the first pool first."""
    groups: dict[Name, GroupEntry] = Field(default_factory=dict)
    """Groups select hosts and give their members labels."""
    hosts: dict[Name, HostEntry]
    """The hosts by name, in the order in which swarmnet works on them."""


@dataclass(frozen=True, slots=True)
class ParsedInventory:
    """An inventory, and warnings for its author."""

    inventory: Inventory
    warnings: tuple[Problem, ...]


def parse_inventory(content: bytes, *, name: str, folder: Path) -> ParsedInventory:
    """Read an inventory.

    Args:
        content: the file's bytes.
        name: its path as the operator wrote it, for messages.
        folder: what relative paths in it (key, known_hosts, config) are relative to.

    Raises:
        DocumentError: with every problem found.
    """
    source = load(content, name, "an inventory")
    checker = Checker(source)
    checker.schema(SCHEMA)
    # The version was checked above.
    file = checker.check(InventoryFile, (), {**source.data, "schema": SCHEMA})
    if file is None:
        checker.finish()
        raise AssertionError("a file that is not valid has problems")
    _check_groups(file, checker)
    _check_memberships(file, checker)
    _check_addresses(file, checker)
    _check_managers(file, checker)
    _check_pools(file, checker)
    checker.finish()
    inventory = Inventory(
        cluster=file.cluster,
        hosts=tuple(_host(host, file, folder) for host in file.hosts),
        source=name,
        address_pools=file.address_pools,
    )
    return ParsedInventory(inventory, _warnings(file, source))


def _check_groups(file: InventoryFile, checker: Checker) -> None:
    for group, entry in file.groups.items():
        if group in RESERVED or group in file.hosts:
            what = "a reserved word that selects hosts" if group in RESERVED else "also the name of a host"
            checker.complain(("groups", group), f"group {group!r} is {what}", "give the group another name")
        for index, member in enumerate(entry.hosts):
            if member not in file.hosts:
                text = f"group {group!r} names host {member!r}, which is not under 'hosts'"
                checker.complain(("groups", group, "hosts", index), text, closest(member, file.hosts))


def _check_memberships(file: InventoryFile, checker: Checker) -> None:
    for host, entry in file.hosts.items():
        if host in RESERVED:
            checker.complain(("hosts", host), f"host {host!r} has a reserved name", "give it another name")
        for index, group in enumerate(entry.groups):
            if file.groups and group not in file.groups:
                text = f"host {host!r} is in group {group!r}, which is not under 'groups'"
                checker.complain(("hosts", host, "groups", index), text, closest(group, file.groups))


def _check_addresses(file: InventoryFile, checker: Checker) -> None:
    seen: dict[tuple[str, int, str | None], str] = {}
    advertised: dict[str, str] = {}
    for host, entry in file.hosts.items():
        ssh = _settings(file, entry)
        # Behind different jump hosts the same private address is another machine.
        first = seen.setdefault((_canonical(entry.address), ssh.port or 22, ssh.jump), host)
        if first != host:
            text = f"host {host!r} has the address and port of host {first!r}: {entry.address}"
            checker.complain(("hosts", host, "address"), text)
        if entry.advertise is not None and _is_ip(entry.advertise):
            first = advertised.setdefault(_canonical(entry.advertise), host)
            if first != host:
                text = f"host {host!r} advertises the address of host {first!r}: {entry.advertise}"
                checker.complain(("hosts", host, "advertise"), text)


def _check_managers(file: InventoryFile, checker: Checker) -> None:
    if not file.hosts:
        checker.complain(("hosts",), "there are no hosts")
    elif not _managers(file):
        checker.complain(("hosts",), "no host is a manager", "write 'role: manager' for one host, or for three")


def _check_pools(file: InventoryFile, checker: Checker) -> None:
    for index, pool in enumerate(file.address_pools):
        path = ("address_pools", index)
        if (text := pool.problem) is not None:
            checker.complain((*path, "size"), text)
        if (use := special(pool.cidr)) is not None:
            checker.complain((*path, "cidr"), f"pool {pool.cidr} is {use}: no container can have such an address")
        if met := overlapping(pool.cidr, (one.cidr for one in file.address_pools[:index])):
            checker.complain((*path, "cidr"), f"pool {pool.cidr} overlaps pool {met}", "write each address once")


def _warnings(file: InventoryFile, source: Source) -> tuple[Problem, ...]:
    count = len(_managers(file))
    spare = (count - 1) // 2
    if count % 2 == 0:
        text = f"{count} managers survive the loss of {spare}, as many as {count - 1} managers do"
        return (source.problem(("hosts",), text, "use an odd number: 1, 3, 5 or 7"),)
    if count > MOST_MANAGERS:
        text = f"{count} managers make every change slower"
        return (source.problem(("hosts",), text, "7 survive the loss of 3; make the others workers"),)
    return ()


def _managers(file: InventoryFile) -> list[str]:
    return [name for name, entry in file.hosts.items() if entry.role is Role.MANAGER]


def _host(name: str, file: InventoryFile, folder: Path) -> Host:
    entry = file.hosts[name]
    groups = dict(_groups_of(name, file))
    return Host(
        name=name,
        address=entry.address,
        role=entry.role if isinstance(entry.role, Role) else None,
        labels=_layered([group.labels for group in groups.values()], entry.labels),
        availability=entry.availability,
        advertise=entry.advertise,
        data_path=entry.data_path,
        groups=frozenset({*groups, *entry.groups}),
        vars=_layered([file.vars, *(group.vars for group in groups.values())], entry.vars),
        ssh=_rooted(_settings(file, entry), folder),
    )


def _groups_of(name: str, file: InventoryFile) -> Iterator[tuple[str, GroupEntry]]:
    for group, entry in file.groups.items():
        if name in entry.hosts or group in file.hosts[name].groups:
            yield group, entry


def _layered(below: list[dict[str, V]], top: dict[str, V]) -> dict[str, V]:
    merged: dict[str, V] = {}
    for layer in (*below, top):
        merged.update(layer)
    return merged


def _settings(file: InventoryFile, entry: HostEntry) -> SSHSettings:
    return file.ssh.model_copy(update={key: getattr(entry.ssh, key) for key in entry.ssh.model_fields_set})


def _rooted(settings: SSHSettings, folder: Path) -> SSHSettings:
    given = {key: getattr(settings, key) for key in ("key", "known_hosts", "config")}
    return settings.model_copy(
        update={
            key: value if not value or value.startswith("~") else str(folder / value) for key, value in given.items()
        }
    )


def _canonical(address: str) -> str:
    return str(ipaddress.ip_address(address)) if _is_ip(address) else address.lower().rstrip(".")


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
