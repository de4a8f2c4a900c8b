"""Options of faults, declared next to the fault: a name, a unit, a line of help, a range.

A kind of fault describes what it takes as a model. The command line builds its options from it, and the journal keeps
the values::

    class NarrowOptions(Options):
        mtu: Annotated[int, Option("bytes of the largest packet that passes", NUMBER), Field(ge=576, le=1499)]

A :class:`Unit` reads the text that people write (``50ms``) into the value that the field holds (50.0 milliseconds).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from annotated_types import Ge, Gt, Le, Lt

from swarmnet.errors import UsageError
from swarmnet.model.base import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic_core import ErrorDetails

Value = str | int | float
"""What an option holds, in its own unit: a JSON scalar, so that a journal can keep it."""

_TIMES = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_RATES = {"kbit": 1.0, "mbit": 1000.0, "gbit": 1_000_000.0}


@dataclass(frozen=True, slots=True)
class Unit:
    """How the value of an option is written on the command line."""

    metavar: str
    read: Callable[[str], Value]
    """Returns the value in the unit of the field; raises ValueError for a text that has no value."""
    like: str = ""
    """Examples for the hint of an error."""
    shown: str = ""
    """The unit of the field, as messages show it after a number."""
    choices: tuple[str, ...] = ()


def _measure(units: dict[str, float], *, plain: float | None = None, signed: bool = False) -> Callable[[str], float]:
    number = re.compile(rf"({'[+-]?' if signed else ''}[0-9]+(?:\.[0-9]+)?) *([a-z%]*)")

    def read(text: str) -> float:
        found = number.fullmatch(text.strip().lower())
        size = None if found is None else units.get(found[2], plain if found[2] == "" else None)
        if found is None or size is None:
            raise ValueError(text)
        return float(found[1]) * size

    return read


def _milliseconds(text: str) -> float:
    return _measure(_TIMES, plain=1.0)(text) * 1000


def _kbit(text: str) -> int:
    return round(_measure(_RATES)(text))


def _cidr(text: str) -> str:
    return str(IPv4Network(text))


def choice(metavar: str, *words: str) -> Unit:
    """Return the unit of an option that takes one of these words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return Unit(metavar, read, like=", ".join(words), choices=words)


HOST = Unit("HOST", str)
NAME = Unit("NAME", str)
NUMBER = Unit("N", int, like="1400")
BYTES = Unit("BYTES", int, like="1400", shown=" bytes")
PERCENT = Unit("PERCENT", _measure({"%": 1.0}, plain=1.0), like="5% or 0.5%", shown=" %")
MILLISECONDS = Unit("TIME", _milliseconds, like="50ms or 2s", shown=" ms")
"""A time; a number alone is seconds, the field holds milliseconds."""
SIGNED_SECONDS = Unit("TIME", _measure(_TIMES, plain=1.0, signed=True), like="90s, 2h or -2h", shown=" s")
KBIT = Unit("RATE", _kbit, like="500kbit or 10mbit", shown=" kbit/s")
CIDR = Unit("CIDR", _cidr, like="198.18.0.0/24")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a kind of fault, as an annotation of its field."""

    help: str
    unit: Unit
    name: str = ""
    """Its name on the command line without dashes, where that is not the field's own."""
    selects: bool = False
    """It tells apart faults of one host and kind: a new one replaces its equal, and ``heal`` can name it."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One option as a model declares it: its field, its annotation, and the range of its values."""

    field: str
    option: Option
    range: str = ""

    @property
    def name(self) -> str:
        """The name on the command line, without dashes."""
        return self.option.name or self.field.replace("_", "-")

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return f"--{self.name}"

    def value(self, text: str) -> Value:
        """Return the value that a text on the command line means.

        Raises:
            UsageError: It is not written in this unit; the hint shows one that is.
        """
        try:
            return self.option.unit.read(text)
        except ValueError:
            like = self.option.unit.like
            wish = f"choose from {like}" if self.option.unit.choices else f"write it like {like}"
            raise UsageError(f"{self.flag} {text!r} is not a valid {self.option.unit.metavar}", hint=wish) from None


class Options(Document):
    """What a kind of fault takes besides the host. Each field carries an :class:`Option`."""

    @classmethod
    def declared(cls) -> tuple[Declared, ...]:
        """Return every option of this kind, in the order of the fields.

        Raises:
            TypeError: A field has no :class:`Option`.
        """
        return tuple(_declared(name, field.metadata) for name, field in cls.model_fields.items())


class NoOptions(Options):
    """The options of a kind that takes none."""


def _declared(name: str, metadata: Iterable[object]) -> Declared:
    rows = tuple(metadata)
    for row in rows:
        if isinstance(row, Option):
            return Declared(name, row, _range(rows, row.unit.shown))
    raise TypeError(f"option {name} of a fault has no Option")


def _range(rows: Iterable[object], unit: str) -> str:
    words = []
    for row in rows:
        match row:
            case Ge():
                words.append(f"at least {row.ge}{unit}")
            case Gt():
                words.append(f"more than {row.gt}{unit}")
            case Le():
                words.append(f"at most {row.le}{unit}")
            case Lt():
                words.append(f"less than {row.lt}{unit}")
            case _:
                pass
    return " and ".join(words)


def complaint(kind: str, options: type[Options], wrong: ErrorDetails) -> str:
    """Return the sentence for one error of validation, in terms of the command line."""
    field = str(wrong["loc"][0])
    one = next(row for row in options.declared() if row.field == field)
    if wrong["type"] == "missing":
        return f"`{kind}` needs {one.flag} {one.option.unit.metavar}"
    shown = f"{one.flag} {wrong['input']}{one.option.unit.shown}"
    return f"{shown} is out of range: it must be {one.range}" if one.range else f"{shown}: {wrong['msg']}"
