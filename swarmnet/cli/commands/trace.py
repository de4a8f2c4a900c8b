"""``swarmnet trace``: why does A not reach B, layer by layer, from inside the containers that run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import Cluster, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import ClusterState
    from swarmnet.verify.tracing.story import TraceWish

EXAMPLE = "swarmnet trace web db:5432 -i lab.yml"
FromArgument = Annotated[
    str,
    typer.Argument(metavar="FROM", help="A service, HOST/CONTAINER, or operator (this machine).", show_default=False),
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
ARROWS = ("->", "to")
"""What people write between both ends."""


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

    if context.args:
        raise UsageError("trace takes FROM and TO[:PORT]", hint=f"write: {meant(source, target or '', context.args)}")
    targets, hosts = output.targets(), cluster.read()
    with cluster.connected(hosts) as ports:
        state = observe(ports, WITH_TASKS)
        wish = wish_of(source, target, state, hosts)
        result = trace(ports, state, wish, kit=probe_kit(None, None), run=this_run(this_operator()))
    targets.emit(trace_report(result))
    raise typer.Exit(EXITS.get(result.status, ExitCode.DONE))


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
    from swarmnet.operations.expect.notation import Known, arrow_form
    from swarmnet.verify.tracing.story import TraceWish

    known = Known(
        services=frozenset(one.spec.name for one in state.services), hosts=frozenset(one.name for one in hosts.hosts)
    )
    party = known.party(source)
    if party is None:
        names = ", ".join(sorted(known.services)) or "none"
        raise UsageError(f"there is no service {source!r}", hint=f"services: {names}; or write HOST/CONTAINER")
    if target is None:
        return TraceWish(party, timeout=WAIT)
    try:
        arrow = known.arrow(arrow_form(source, target), allowed=True)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if isinstance(arrow, str):
        raise UsageError(arrow)
    return TraceWish(party, arrow, timeout=WAIT)
