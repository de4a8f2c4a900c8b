"""``swarmnet trace``: why does A not reach B, layer by layer, from inside the containers that run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from swarmnet.cli.options import Cluster, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from swarmnet.model.expectation import Arrow, Party
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.expect.notation import ArrowForm, Known
    from swarmnet.verify.tracing.story import TraceWish

EXAMPLE = "swarmnet trace web db:5432 -i lab.yml"
FromArgument = Annotated[
    str,
    typer.Argument(
        metavar="FROM",
        help="A service, HOST/CONTAINER, host, or operator: this machine; or both ends as 'FROM -> TO:PORT'.",
        show_default=False,
    ),
]
ToArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[TO[:PORT]]",
        help="A service, HOST/CONTAINER, host, address or name; without it, FROM alone is looked at.",
        show_default=False,
    ),
]
EXITS = {"failed": ExitCode.FAILED, "inconclusive": ExitCode.INCOMPLETE}
WAIT = 60.0
SETTINGS = {"allow_extra_args": True}
"""For the parser: what is too much is answered with what was probably meant."""
ARROW = "->"
ARROWS = (ARROW, "to")
"""What people write between both ends."""
REDIRECTED = "-"
"""What the shell leaves of an arrow without quotes: it takes the rest for a file to write to."""


class Arrows(TyperCommand):
    """The command; a word that begins with an arrow is not an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own classes are private
        """Read the words."""
        rest: list[str] = super().parse_args(ctx, [f" {one}" if one.startswith(ARROW) else one for one in args])
        return rest


CLASS = Arrows


@grouped
def command(
    context: typer.Context, cluster: Cluster, output: Output, source: FromArgument, target: ToArgument = None
) -> None:
    """Find the first broken layer between two services, or show what the containers of one see.

    Exit: 0 all layers work, 1 one is broken, 3 one could not be asked.
    """
    from swarmnet.cli.probes import probe_kit, this_run
    from swarmnet.cli.wiring import this_operator
    from swarmnet.report.reports.trace import trace_report
    from swarmnet.verify.tracing.story import trace
    from swarmnet.workflows.fleet.observe import WITH_TASKS, observe

    source, target = ends_of([source, *([target] if target else []), *context.args])
    targets, hosts = output.targets(), cluster.read()
    with cluster.connected(hosts) as ports:
        state = observe(ports, WITH_TASKS)
        wish = wish_of(source, target, state, hosts)
        result = trace(ports, state, wish, kit=probe_kit(None, None), run=this_run(this_operator()))
    targets.emit(trace_report(result))
    raise typer.Exit(EXITS.get(result.status, ExitCode.DONE))


def ends_of(words: list[str]) -> tuple[str, str | None]:
    """Return FROM and TO[:PORT] of words that may hold an arrow, as playbooks write it; TO is None for FROM alone.

    Raises:
        UsageError: the words are none of ``FROM``, ``FROM TO[:PORT]`` and ``FROM -> TO[:PORT]``.
    """
    if (words[0].endswith(REDIRECTED) and "/" not in words[0]) or words[1:] == [REDIRECTED]:
        source = words[0].removesuffix(REDIRECTED)
        raise UsageError(
            "the shell took the > of the arrow for a file to write to, and made that file",
            hint=f"write the arrow in quotes: swarmnet trace '{source} -> TO:PORT'",
        )
    text = " ".join(words)
    if ARROW in text:
        source, _, target = (part.strip() for part in text.partition(ARROW))
        if not source or not target:
            raise UsageError("the arrow needs both ends", hint=f"write: swarmnet trace '{source or 'FROM'} -> TO:PORT'")
        words = [source, *re.sub(r"\s*([:,])\s*", r"\1", target).split()]
    source, target, *rest = (*words, "") if not words[1:] else words
    if rest:
        raise UsageError("trace takes FROM and TO[:PORT]", hint=f"write: {meant(source, target, rest)}")
    return source, target or None


def meant(source: str, target: str, rest: list[str]) -> str:
    """Return the command that more than two words probably mean: a port of its own, or an arrow between both ends."""
    words = [one for one in (target, *rest) if one not in ARROWS]
    port = f":{words[1]}" if len(words) > 1 and words[1].isdecimal() and ":" not in words[0] else ""
    return f"swarmnet trace {source} {words[0] if words else 'TO'}{port}"


def wish_of(source: str, target: str | None, state: ClusterState, hosts: Inventory) -> TraceWish:
    """Return what the words mean in a cluster.

    Raises:
        UsageError: a word means nothing there, or the pair makes no sense.
    """
    from swarmnet.model.expectation import PartyKind
    from swarmnet.operations.expect.notation import Known, arrow_form
    from swarmnet.verify.tracing.story import TraceWish

    known = Known(
        services=frozenset(one.spec.name for one in state.services), hosts=frozenset(one.name for one in hosts.hosts)
    )
    party = known.party(source)
    if party is None:
        names = ", ".join(sorted(known.services)) or "none"
        raise UsageError(
            f"there is no service {source!r}, and no such host", hint=f"services: {names}; or write HOST/CONTAINER"
        )
    if target is None:
        if party.kind is PartyKind.HOST:
            hint = f"write: swarmnet trace {party} SERVICE, or NAME:PORT; swarmnet show host {party} shows the host"
            raise UsageError(f"what should {party} reach?", hint=hint)
        return TraceWish(party, timeout=WAIT)
    try:
        form = behind_port(arrow_form(source, target), party, known, state)
        arrow = of_host(party, known.party(form.target), form) or known.arrow(form, allowed=True)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if isinstance(arrow, str):
        raise UsageError(arrow, hint=_alias(form.target, state))
    return TraceWish(party, arrow, timeout=WAIT)


def _alias(word: str, state: ClusterState) -> str | None:
    """Return which service a word is another name of; None where it is none."""
    for service in state.services:
        for place in service.spec.networks or ():
            if word in (place.aliases or ()):
                return f"{word} is another name of {service.spec.name} on {place.network}: write {service.spec.name}"
    return None


def behind_port(form: ArrowForm, source: Party, known: Known, state: ClusterState) -> ArrowForm:
    """Return the arrow to the service that publishes a port, where a machine is to reach that port of a host.

    People name what they type into a browser, ``m1:8080``: what may fail is the service behind it.

    Raises:
        UsageError: the port is published in host mode, and no task runs there.
    """
    from swarmnet.model.expectation import PartyKind
    from swarmnet.model.service import PublishMode

    target = known.party(form.target)
    if target is None or target.kind is not PartyKind.HOST or source.kind not in (PartyKind.OPERATOR, PartyKind.HOST):
        return form
    wanted = {(door.port, door.protocol) for door in form.doors}
    for service in state.services:
        ports = service.all_ports
        if not wanted or not wanted <= {(one.published, one.protocol) for one in ports}:
            continue
        by_task = [one for one in ports if (one.published, one.protocol) in wanted and one.mode is PublishMode.HOST]
        node = state.node_of(target.name)
        on_it = any(
            task.service_id == service.id and task.state == "running" and node is not None and task.node_id == node.id
            for task in state.tasks
        )
        if by_task and not on_it:
            name = service.spec.name
            raise UsageError(
                f"{name} publishes {by_task[0].published} in host mode, and no task of it runs on {target.name}",
                hint=f"swarmnet trace {source} {name} asks where it opens; in mode ingress, every host opens it",
            )
        return form.model_copy(update={"target": service.spec.name})
    return form


def of_host(source: Party, target: Party | None, form: ArrowForm) -> Arrow | str | None:
    """Return the arrow from a host to what is outside of the swarm, or what is wrong with it.

    Playbooks expect nothing of such ways; a trace asks them, as any client on that host would. None leaves the ends to
    the rules of playbooks.
    """
    from swarmnet.model.expectation import Arrow, PartyKind
    from swarmnet.model.service import Protocol

    if source.kind is not PartyKind.HOST or target is None:
        return None
    if target.kind in (PartyKind.SERVICE, PartyKind.OUTSIDE, PartyKind.OPERATOR):
        return None
    problems = {
        "a host reaches containers by published ports alone: name their service, or HOST:PORT": target.has_tasks,
        f"no port is named: write 'swarmnet trace {source} {form.target}:22'": not form.doors,
        "name a TCP port: few programs answer a datagram that means nothing to them": any(
            one.protocol is not Protocol.TCP for one in form.doors
        ),
        "a block has many addresses: name one": target.kind is PartyKind.BLOCK and not target.name.endswith("/32"),
    }
    wrong = next((why for why, is_so in problems.items() if is_so), None)
    if wrong is not None:
        return f"{source} -> {target}: {wrong}"
    return Arrow(source=source, target=target, doors=form.doors, allowed=True)
