"""Shared parts of the ``swarmnet lab`` commands: which lab is meant, and how it is shown."""

from __future__ import annotations

import sys
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.streams import echo_json
from swarmnet.errors import UsageError
from swarmnet.lab.spec import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.lab import LabStatus
    from swarmnet.lab.machine.capabilities import Capability
    from swarmnet.report.terminal.console import Line

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
    show(body, as_json=as_json, lines=_lines(labs))


def _lines(labs: list[LabStatus]) -> Iterator[Line]:
    if not labs:
        yield "no labs on this machine"
    for number, lab in enumerate(labs):
        if number:
            yield ""
        yield from _lab(lab)


def _lab(lab: LabStatus) -> Iterator[Line]:
    from swarmnet.report.terminal.console import table

    yield f"lab {lab.name} ({lab.phase}) in {lab.subnet}, inventory {lab.inventory}"
    rows = []
    for host in lab.hosts:
        answers = ("yes" if host.ssh else "no", "yes" if host.engine_answers else "no")
        state = answers if host.powered else ("off", "off")
        rows.append((host.name, host.address, host.role, host.engine, host.kernel, *state))
    yield table(("HOST", "ADDRESS", "ROLE", "ENGINE", "KERNEL", "SSH", "DOCKER"), rows)
    yield from (f"broken: {fault}" for fault in lab.broken)
    kinds = {host.kernel for host in lab.hosts}
    if "shared" in kinds:
        yield from _lacking(lab.kernel, who="shared kernel " if len(kinds) > 1 else "")
    if "own" in kinds:
        proving = (one for one in lab.own_kernel if one.works and one.need == "proof")
        yield from (f"own kernels prove: {one.serves} ({one.name})" for one in proving)
        yield from _lacking(lab.own_kernel, who="own kernels ")


def _lacking(kernel: Iterable[Capability], *, who: str) -> Iterator[Line]:
    yield from (f"{who}cannot prove: {one.serves} ({one.name}: {one.reason})" for one in kernel if not one.works)


def show(body: Mapping[str, object], *, as_json: bool, lines: Iterable[Line]) -> None:
    """Print a result: the lines, or the body as JSON."""
    if as_json:
        echo_json(body)
        return
    from swarmnet.report.terminal import console

    console.show(console.console_for(sys.stdout), lines)
