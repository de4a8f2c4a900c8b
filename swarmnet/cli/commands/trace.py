"""``swarmnet trace``: why does A not reach B, layer by layer, from inside the containers that run."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from swarmnet.cli.options import Cluster, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode, UsageError

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
EXITS = {"failed": ExitCode.FAILED, "warning": ExitCode.FAILED, "inconclusive": ExitCode.INCOMPLETE}
"""A warning is a way that connects and loses packets: a script must not take it for one that works."""
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

    Exit: 0 all layers work, 1 one is broken or loses packets, 3 one could not be asked.
    """
    from swarmnet.cli.probes import probe_kit, this_run
    from swarmnet.cli.wiring import this_operator
    from swarmnet.report.reports.trace import trace_report
    from swarmnet.verify.tracing.story import trace
    from swarmnet.verify.tracing.wish import wish_of
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
