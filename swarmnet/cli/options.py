"""Options that commands share, each spelled and explained once, and groups of them.

A command takes a group as one parameter; :func:`grouped` makes an option of each of its fields::

    @grouped
    def command(cluster: LimitedCluster, as_json: JsonOption = False) -> None:
        with cluster.connected() as ports:
            ...

What they mean, in every command that has them:

- ``--limit``: hosts that a run may look at or change besides managers, which always answer for the cluster. It never
  changes what the cluster is: a swarm starts on the inventory's first manager, whatever the limit.
- ``--timeout``: the longest that one wait may take: for a host, an engine's answer, or a change to take effect. It
  bounds each wait, not the run. Without it each kind of wait has its own limit; connections never wait longer than the
  inventory's ``connect_timeout`` says, whatever this says.
- ``--yes``: agree to what is shown. It allows nothing that a guard refuses; for that, each has a flag that names it.
  ``SWARMNET_YES`` agrees for ``apply`` only, and only to what costs nothing: to reset, restore, prune, break a lock, or
  where the cluster's name has to be typed, give the flag.
- ``--json``: one object with ``"schema": 1`` on stdout, and nothing else there.
"""

from __future__ import annotations

import os
from dataclasses import MISSING, dataclass, fields, is_dataclass
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard, get_type_hints

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from swarmnet.edge.session import Session
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.ports import Ports
    from swarmnet.workflows.apply import Terms

LONGEST_WAIT = 86_400
"""Seconds that any one wait may be given; operating systems refuse much longer ones, and all refuse infinity."""

InventoryOption = Annotated[
    Path,
    typer.Option(
        "--inventory", "-i", metavar="FILE", help="Inventory file.", envvar="SWARMNET_INVENTORY", show_envvar=True
    ),
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit", metavar="HOSTS", help="Only these hosts or groups; repeatable, or with commas; !NAME excludes."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
YES_VARIABLE = "SWARMNET_YES"
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Agree to what is shown; do not ask.")]
VerboseOption = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        help="Print more, and show causes of errors; -vv also shows each request and each command on a host.",
    ),
]
LogFileOption = Annotated[
    Path | None,
    typer.Option("--log-file", metavar="FILE", help="Append each request and each command on a host to FILE."),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=1,
        max=LONGEST_WAIT,
        show_default=False,
        help="Longest that any single wait may take: for a host, an engine's answer, a change to take effect. Default: "
        "each kind of wait has its own limit.",
    ),
]
BecomeOption = Annotated[
    bool, typer.Option("--ask-become-pass", "-K", help="Ask once for the sudo password of the hosts.")
]
WaitOption = Annotated[
    float,
    typer.Option(
        "--lock-wait",
        metavar="SECONDS",
        min=0,
        max=LONGEST_WAIT,
        help="How long to wait while another run holds the lock.",
    ),
]
ShowValuesOption = Annotated[
    bool,
    typer.Option("--show-values", help="Also show values of environment variables, labels, arguments and options."),
]
MissingOption = Annotated[bool, typer.Option("--allow-missing", help="Continue without hosts that do not answer.")]
AllowDownOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-down",
        metavar="NAME",
        help="Service that may stop because no other node has room for it; repeatable, or with commas.",
    ),
]
VariableOption = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="Set a variable, overriding the playbook's; repeatable."),
]
ReplaceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--replace",
        metavar="NAME",
        help="Network or service that may be interrupted and recreated; repeatable, or with commas.",
    ),
]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which hosts, and how to reach them."""

    inventory: InventoryOption
    timeout: TimeoutOption = None
    verbosity: VerboseOption = 0
    ask_become_pass: BecomeOption = False
    log_file: LogFileOption = None

    @property
    def verbose(self) -> bool:
        """True for ``-v`` and ``-vv``."""
        return self.verbosity > 0

    def read(self) -> Inventory:
        """Return the inventory and print its warnings."""
        from swarmnet.cli.wiring import read_inventory

        return read_inventory(self.inventory)

    def observed(self, hosts: Inventory) -> AbstractContextManager[Ports]:
        """Yield the ports of a run that begins with a look at all hosts: logins begin at once, in the background."""
        from swarmnet.cli.wiring import logging_in

        return logging_in(self.connected(hosts), [host.name for host in hosts.hosts])

    def connected(self, hosts: Inventory, *, quiet: bool = False) -> AbstractContextManager[Session]:
        """Yield the ports of this run; with ``quiet``, progress is printed for ``-v`` only."""
        from swarmnet.cli.logs import Log
        from swarmnet.cli.wiring import connected
        from swarmnet.model.events import ignore

        log = Log(on_stderr=self.verbosity > 1, file=self.log_file)
        listener = ignore if quiet and not self.verbose else None
        return connected(
            hosts,
            verbose=self.verbose,
            timeout=self.timeout,
            listener=listener,
            become=self.ask_become_pass,
            log=log,
        )


@dataclass(frozen=True, slots=True)
class LimitedCluster(Cluster):
    """Which hosts, and a selection of them."""

    limit: LimitOption = None

    def names(self, hosts: Inventory) -> frozenset[str] | None:
        """Return the names of the hosts that the limit selects; None means all."""
        from swarmnet.cli.wiring import limited

        return limited(hosts, self.limit)[1]

    def observed(self, hosts: Inventory) -> AbstractContextManager[Ports]:
        """Yield the ports of a run that begins with a look at these hosts and the managers."""
        from swarmnet.cli.wiring import logging_in

        wanted = self.names(hosts)
        looked_at = (host for host in hosts.hosts if wanted is None or host.name in wanted or host in hosts.managers)
        return logging_in(self.connected(hosts), [host.name for host in looked_at])


@dataclass(frozen=True, slots=True)
class Agreement:
    """On what terms the cluster is changed."""

    yes: YesOption = False
    lock_wait: WaitOption = 0.0
    show_values: ShowValuesOption = False

    def terms(self, *, on_stderr: bool, verbose: bool, unattended: bool = False) -> Terms:
        """Return the terms of one run.

        Args:
            on_stderr: stdout belongs to JSON, so the plan is shown on stderr.
            verbose: show the plan whole.
            unattended: ``SWARMNET_YES`` agrees to what costs nothing.
        """
        from swarmnet.cli import signals, wiring
        from swarmnet.cli.consent import AtTerminal
        from swarmnet.model.redaction import Cover
        from swarmnet.report.terminal.plan import View
        from swarmnet.workflows.apply import Terms

        consent = AtTerminal(
            yes=self.yes,
            unattended=unattended and os.environ.get(YES_VARIABLE, "").lower() in ("1", "true", "yes", "y", "on"),
            on_stderr=on_stderr,
            view=View(Cover(shows=self.show_values), whole=verbose),
        )
        operator, stop = wiring.this_operator(), signals.Interruption()
        return Terms(consent=consent, operator=operator, stop=stop, lock_wait=self.lock_wait)


def names_of(words: list[str] | None) -> frozenset[str]:
    """Return the names in repeated options with commas in them."""
    return frozenset(name.strip() for part in words or () for name in part.split(",") if name.strip())


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with an option for each field of those of its parameters that are dataclasses.

    A field of these that is a dataclass itself stands for its own fields.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {}
    parameters: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        kind = hints[parameter.name]
        if _is_group(kind):
            groups[parameter.name] = kind
            parameters += _options_of(kind)
        else:
            parameters.append(parameter.replace(annotation=kind, kind=Parameter.KEYWORD_ONLY))

    def flat(**given: object) -> None:
        made = {name: _made(kind, given) for name, kind in groups.items()}
        command(**given, **made)

    flat.__name__, flat.__doc__ = command.__name__, command.__doc__
    flat.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(flat)["__signature__"] = Signature(parameters)
    return flat


def _is_group(kind: object) -> TypeGuard[type[Any]]:
    return is_dataclass(kind) and isinstance(kind, type)


def _options_of(kind: type[Any]) -> Iterator[Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        if _is_group(hints[field.name]):
            yield from _options_of(hints[field.name])
            continue
        default = Parameter.empty if field.default is MISSING else field.default
        yield Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name])


def _made(kind: type[Any], given: dict[str, object]) -> object:
    """Return the group with its options, which are taken out of what was given."""
    hints = get_type_hints(kind, include_extras=True)
    return kind(
        **{
            one.name: _made(hints[one.name], given) if _is_group(hints[one.name]) else given.pop(one.name)
            for one in fields(kind)
        }
    )


ProbeImageOption = Annotated[
    str | None,
    typer.Option("--probe-image", metavar="IMAGE", help="Image with python3 >= 3.8 that the hosts have, or can pull."),
]
ProbeArchiveOption = Annotated[
    Path | None,
    typer.Option(
        "--probe-archive", metavar="FILE", help="File of such an image (docker save), loaded where it is missing."
    ),
]
