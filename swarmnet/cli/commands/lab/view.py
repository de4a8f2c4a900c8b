"""Shared parts of the ``swarmnet lab`` commands: which lab is meant, and how it is shown."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.errors import UsageError
from swarmnet.lab.spec import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.lab import LabStatus
    from swarmnet.lab.machine.capabilities import Capability

NameOption = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME", help="Which lab. Default: the only one, or the one named default.", show_default=False
    ),
]
HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="A host of the lab, such as m1.")]


def chosen(name: str | None) -> str:
    """Return the lab that is meant: the named one, the only one, or the one that `lab up` makes without a name."""
    if name is not None:
        return name
    from swarmnet.lab import LabStore

    names = LabStore.default().names()
    if len(names) == 1:
        return names[0]
    if DEFAULT_NAME in names:
        return DEFAULT_NAME
    if not names:
        raise UsageError("there is no lab on this machine", hint="run `swarmnet lab up`")
    raise UsageError(f"there are {len(names)} labs: {', '.join(names)}", hint="choose one with --name")


def parsed_subnet(text: str | None, *, like: str) -> IPv4Network | None:
    """Return what ``--subnet`` means.

    Raises:
        UsageError: It is not a network; the hint shows one.
    """
    if text is None:
        return None
    try:
        return IPv4Network(text)
    except ValueError as wrong:
        raise UsageError(f"--subnet {text}: {wrong}", hint=f"write it like {like}") from wrong


def print_status(labs: list[LabStatus], *, as_json: bool) -> None:
    """Print labs, as they were seen."""
    body = {"schema": 1, "labs": [lab.model_dump(mode="json") for lab in labs]}
    show(body, as_json=as_json, text="\n\n".join(map(_text, labs)) or "no labs on this machine")


def _text(lab: LabStatus) -> str:
    lines = [f"lab {lab.name} ({lab.phase}) in {lab.subnet}, inventory {lab.inventory}"]
    rows = [("HOST", "ADDRESS", "ROLE", "ENGINE", "KERNEL", "SSH", "DOCKER")]
    for host in lab.hosts:
        answers = ("yes" if host.ssh else "no", "yes" if host.engine_answers else "no")
        state = answers if host.powered else ("off", "off")
        rows.append((host.name, host.address, host.role, host.engine, host.kernel, *state))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()]
    lines += [f"broken: {fault}" for fault in lab.broken]
    kinds = {host.kernel for host in lab.hosts}
    mixed = len(kinds) > 1
    if "shared" in kinds:
        lines += _lacking(lab.kernel, who="shared kernel " if mixed else "")
    if "own" in kinds:
        lines += [f"own kernels prove: {c.serves} ({c.name})" for c in lab.own_kernel if c.works and c.need == "proof"]
        lines += _lacking(lab.own_kernel, who="own kernels ")
    return "\n".join(lines)


def _lacking(kernel: Iterable[Capability], *, who: str) -> list[str]:
    return [f"{who}cannot prove: {c.serves} ({c.name}: {c.reason})" for c in kernel if not c.works]


def show(body: dict[str, object], *, as_json: bool, text: str) -> None:
    """Print a result: the text, or the body as JSON."""
    typer.echo(json.dumps(body) if as_json else text)
