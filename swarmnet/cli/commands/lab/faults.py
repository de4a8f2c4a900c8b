"""``swarmnet lab break`` and ``lab heal``: an option for each option that a kind of fault declares."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from swarmnet.cli.commands.lab.view import HostArgument, NameOption, chosen, print_status
from swarmnet.cli.options import JsonOption, grouped
from swarmnet.errors import UsageError
from swarmnet.lab.faults import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.lab import Lab
    from swarmnet.lab.faults.options import Declared, Value

Texts = dict[str, str]
"""What was written on the command line, by the name of the option."""

_KINDS_HELP = "; ".join(f"{family.kind}: {family.summary}" for family in FAMILIES.values()) + "."


def _kinds() -> list[str]:
    return list(FAMILIES)


FaultArgument = Annotated[str, typer.Argument(metavar="KIND", help=_KINDS_HELP, autocompletion=_kinds)]


def with_fault_options(command: Callable[..., None], *, only_selecting: bool = False) -> Callable[..., None]:
    """Return the command with an option for each one that kinds of faults declare; its ``texts`` gets what was given.

    Args:
        command: takes ``texts``, next to options that typer can read.
        only_selecting: only the options that tell one fault of a host from another.
    """
    options = _by_name(only_selecting=only_selecting)
    parameters = [one for one in signature(command).parameters.values() if one.name != "texts"]
    parameters += [
        Parameter(name.replace("-", "_"), Parameter.KEYWORD_ONLY, default=None, annotation=_option(name, owners))
        for name, owners in options.items()
    ]

    def flat(**given: Any) -> None:  # noqa: ANN401 - typer passes what each option is annotated with
        texts = {name: given.pop(name.replace("-", "_")) for name in options}
        command(**given, texts={name: text for name, text in texts.items() if text is not None})

    flat.__name__, flat.__doc__ = command.__name__, command.__doc__
    flat.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(flat)["__signature__"] = Signature(parameters)
    return flat


def _by_name(*, only_selecting: bool) -> dict[str, dict[str, Declared]]:
    """Return the options of all kinds by their names, with the kinds that take each."""
    found: dict[str, dict[str, Declared]] = {}
    for kind, family in FAMILIES.items():
        for one in family.declared():
            if one.option.selects or not only_selecting:
                found.setdefault(one.name, {})[kind] = one
    return found


def _option(name: str, owners: dict[str, Declared]) -> object:
    """Return the annotation of one option; its help says which kinds take it."""
    helps: dict[str, list[str]] = {}
    for kind, one in owners.items():
        helps.setdefault(one.option.help, []).append(kind)
    unit = next(iter(owners.values())).option.unit
    return Annotated[
        str | None,
        typer.Option(
            f"--{name}",
            metavar=f"[{'|'.join(unit.choices)}]" if unit.choices else unit.metavar,
            help="; ".join(f"{', '.join(kinds)}: {text}" for text, kinds in helps.items()) + ".",
            autocompletion=lambda: list(unit.choices),
        ),
    ]


def _values(kind: str, texts: Texts) -> dict[str, Value]:
    """Return the values by their fields; options of other kinds keep the names that those give them.

    Raises:
        UsageError: A text is not written in the unit of its option.
    """
    family = FAMILIES.get(kind)
    own = {one.name: one for one in family.declared()} if family else {}
    every = {one.name: one for other in FAMILIES.values() for one in other.declared()} | own
    return {every[name].field: every[name].value(text) for name, text in texts.items()}


@dataclass(frozen=True, slots=True)
class Shown:
    """Which lab, and how its status is shown."""

    name: NameOption = None
    as_json: JsonOption = False

    def lab(self) -> Lab:
        """Return the lab."""
        from swarmnet.lab import Lab

        return Lab.open(chosen(self.name))

    def status(self, lab: Lab) -> None:
        """Print what the lab looks like now."""
        print_status([lab.status()], as_json=self.as_json)


def _break(host: HostArgument, fault: FaultArgument, shown: Shown, texts: Texts) -> None:
    """Break a host: its power, engine, link, line, disk, rules, clock or identity. `lab heal` takes it back."""
    from swarmnet.lab import Fault

    wanted = Fault(host=host, kind=fault, options=_values(fault, texts))
    lab = shown.lab()
    lab.break_(wanted)
    shown.status(lab)


def _heal(
    shown: Shown,
    texts: Texts,
    host: Annotated[str | None, typer.Argument(metavar="HOST", help="A host of the lab.", show_default=False)] = None,
    fault: Annotated[
        str | None, typer.Argument(metavar="KIND", help="What was broken; left out: all of it.", autocompletion=_kinds)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that is broken on every host.")] = False,
) -> None:
    """Take back what was broken and wait until the hosts answer again."""
    from swarmnet.lab import Fault

    if every == (host is not None):
        raise UsageError(
            "name a HOST, or --all for every one", hint="for example: swarmnet lab heal m1, or swarmnet lab heal --all"
        )
    if fault is None and texts:
        flags = " and ".join(f"--{name}" for name in texts)
        raise UsageError(f"{flags} chooses among the faults of one kind", hint="name the kind: block, fdb")
    lab = shown.lab()
    if host is not None and fault is not None:
        lab.heal(Fault(host=host, kind=fault, options=_values(fault, texts)))
    else:
        lab.heal_all(None if host is None else lab.host(host).name)
    shown.status(lab)


break_ = with_fault_options(grouped(_break))
heal = with_fault_options(grouped(_heal), only_selecting=True)
