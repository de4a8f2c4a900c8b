"""What is where, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.filesize import decimal

from swarmnet.report.cluster import short_images, update_text
from swarmnet.report.terminal.console import line, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.report.documents.show import ShowDocument, ShownNetworkEntry, ShownPortEntry, ShownServiceEntry
    from swarmnet.report.terminal.console import Line


def network_table(found: ShowDocument) -> Iterator[Line]:
    """Yield one row for each network."""
    head = ("NETWORK", "SCOPE", "DRIVER", "SUBNET", "TASKS", "CONTAINERS", "FLAGS")
    yield table(
        head,
        (
            (
                one.name,
                one.host or one.scope,
                one.driver,
                " ".join(one.subnets) or "-",
                str(sum(member.kind == "task" for member in one.members)),
                str(sum(member.kind == "container" for member in one.members)),
                _flags(one),
            )
            for one in found.networks
        ),
    )


def member_tables(found: ShowDocument) -> Iterator[Line]:
    """Yield each network with its members."""
    for one in found.networks:
        parts = (one.driver, " ".join(one.subnets), " ".join(f"gateway {gateway}" for gateway in one.gateways))
        numbers = f"vni {', '.join(map(str, one.vnis))}" if one.vnis else ""
        where = f" on {one.host}" if one.host else ""
        yield line((one.name, "bold"), f"{where}  ", "  ".join(filter(None, (*parts, numbers, _flags(one)))))
        yield table(
            ("HOST", "KIND", "NAME", "ADDRESS", "NAMES", "STATE"),
            (
                (
                    member.host or "-",
                    member.kind,
                    member.name,
                    member.address or "-",
                    " ".join(member.names),
                    member.state,
                )
                for member in one.members
            ),
        )


def service_tables(found: ShowDocument) -> Iterator[Line]:
    """Yield each service with its names, ports and tasks."""
    for one in found.services:
        stack = f"  stack {one.stack}" if one.stack else ""
        yield line((one.name, "bold"), f"  {one.mode}  {one.image}{stack}")
        for name, address in one.virtual_ips.items():
            yield line(f"  {name}: virtual address {address}")
        for name, aliases in one.aliases.items():
            yield line(f"  {name}: {'aliases' if aliases[1:] else 'alias'} {' '.join(aliases)}")
        for name, address in one.extra_hosts.items():
            yield line(f"  extra host {name}: {address}, in the tasks' /etc/hosts")
        yield from (line(f"  {_port(port)}") for port in found.ports if port.service == one.name)
        if said := update_text(one.update_state, one.update_message):
            yield line("  ", (said, "yellow"))
        differs = bool({task.image for task in one.tasks if task.image} - {one.image})
        yield table(
            ("TASK", "HOST", "STATE", *(("IMAGE",) if differs else ()), *LAST), _task_rows(one, differs=differs)
        )


def host_tables(found: ShowDocument) -> Iterator[Line]:
    """Yield each host with what is on it."""
    for one in found.hosts:
        role = " ".join(filter(None, (one.role or "not in the swarm", one.availability)))
        path = f"  data path {one.data_path}" if one.data_path else ""
        yield line((one.name, "bold"), f"  {role}  engine {one.engine}  {' '.join(one.addresses)}{path}")
    yield from member_tables(found)
    if found.containers:
        yield container_table(found)
    if found.volumes:
        yield from volume_table(found)


def name_table(found: ShowDocument) -> Iterator[Line]:
    """Yield what each name leads to, network by network."""
    rows = [
        (
            name,
            place.name + (f" on {place.host}" if place.host else ""),
            member.kind,
            member.name,
            member.address or "-",
        )
        for place in found.networks
        for member in place.members
        for name in member.names
    ]
    yield table(("NAME", "NETWORK", "KIND", "OF", "ADDRESS"), sorted(rows))


def port_table(found: ShowDocument) -> Iterator[Line]:
    """Yield each port, and where it answers."""
    yield table(
        ("PORT", "MODE", "SERVICE", "TARGET", "HOSTS"),
        (
            (
                f"{one.port or '?'}/{one.protocol}",
                "mesh" if one.mode == "ingress" else "host",
                one.service,
                str(one.target),
                "every node" if one.mode == "ingress" else " ".join(one.hosts) or "-",
            )
            for one in found.ports
        ),
    )


def container_table(found: ShowDocument) -> Line:
    """Return a table of the containers outside of services, each with its networks."""
    rows = (
        (
            one.name,
            one.host,
            one.image,
            "running" if one.running else "stopped",
            " ".join(f"{name}:{address}" if address else name for name, address in one.networks.items()) or "-",
        )
        for one in found.containers
    )
    return table(("CONTAINER", "HOST", "IMAGE", "STATE", "NETWORKS"), rows)


def volume_table(found: ShowDocument) -> Iterator[Line]:
    """Yield each volume, and what uses it."""
    yield table(
        ("VOLUME", "HOST", "DRIVER", "SIZE", "SERVICES", "CONTAINERS", "STATE"),
        (
            (
                one.name,
                one.host,
                one.driver,
                "-" if one.size is None else decimal(one.size),
                " ".join(one.services) or "-",
                " ".join(one.containers) or "-",
                "dangling" if one.dangling else "",
            )
            for one in found.volumes
        ),
    )


LAST = ("ADDRESSES", "MESSAGE")
"""Columns of tasks that may be wide."""


def _task_rows(service: ShownServiceEntry, *, differs: bool) -> Iterator[tuple[str, ...]]:
    called = short_images([service.image, *(task.image for task in service.tasks)])
    for task in service.tasks:
        addresses = " ".join(f"{name}:{','.join(one)}" for name, one in task.addresses.items())
        image = (called[task.image] or "-",) if differs else ()
        yield task.name, task.host or "-", task.state, *image, addresses or "-", task.message


def _port(one: ShownPortEntry) -> str:
    where = "on every node" if one.mode == "ingress" else f"on {' '.join(one.hosts) or 'no host'}"
    return f"port {one.port or '?'}/{one.protocol} -> {one.target} {where}"


def _flags(one: ShownNetworkEntry) -> str:
    return " ".join(word for word in ("attachable", "internal", "encrypted") if getattr(one, word))
