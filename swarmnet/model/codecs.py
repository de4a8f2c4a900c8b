"""The usual forms of values in the engine's JSON. Pure: each codec reads, writes, compares and merges one form.

They live in the model, not at the edge, because backups keep the engine's JSON of what had no field when they were
taken, and loading one reads that JSON again. Ids never appear here: the edge swaps them for names.
"""

from __future__ import annotations

import re
import struct
from base64 import b64decode, b64encode
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from typing_extensions import override

from swarmnet.model.constraint import normal_constraint
from swarmnet.model.fields import Codec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from enum import StrEnum

    from pydantic import JsonValue

    from swarmnet.model.fields import Read

_SECOND = 1_000_000_000
_LONGEST = 2**63
"""Nanoseconds; engines count them in 64 bits."""


def nanoseconds(seconds: float) -> int:
    """Return a duration as the engine counts; exact to the nanosecond also where a float of nanoseconds is not."""
    return round(Fraction(seconds) * _SECOND)


def seconds(nanos: int) -> float:
    """Return a duration of the engine in seconds, as the nearest float."""
    return nanos / _SECOND


def _single(value: float) -> float:
    """Return the shortest number that 32 bits take for the same, as Go writes it."""
    exact = struct.pack("f", value)
    (kept,) = struct.unpack("f", exact)
    shorter = (float(f"{kept:.{digits}g}") for digits in range(1, 10))
    return next((one for one in shorter if struct.pack("f", one) == exact), float(kept))


class Text(Codec):
    """A text; an empty one counts as none."""

    word = "text"

    @override
    def read(self, value: JsonValue) -> Read | None:
        return (value or None, None) if isinstance(value, str) else None

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return default if value in (None, "") else self.normal(value)


class Image(Text):
    """An image; one that is wanted without a digest keeps the digest that its tag was resolved to."""

    word = "image"

    @override
    def merged(self, present: object, wanted: object) -> object:
        return present if isinstance(present, str) and present.partition("@")[0] == wanted else wanted


class Bytes(Codec):
    """Any bytes, in base64 there."""

    word = "bytes"

    @override
    def read(self, value: JsonValue) -> Read | None:
        try:
            return (b64decode(value, validate=True), None) if isinstance(value, str) else None
        except ValueError:
            return None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return b64encode(cast("bytes", value)).decode("ascii")

    @override
    def normal(self, value: object) -> JsonValue:
        return self.write(value, None)


class Word(Codec):
    """One of some words; another one is not known here and stays in the engine's JSON."""

    word = "word"

    def __init__(self, words: Collection[str] | type[StrEnum], since: Mapping[str, str] | None = None) -> None:
        self._words = [str(one) for one in words]
        self._since = since or {}

    @override
    def read(self, value: JsonValue) -> Read | None:
        return (value, None) if isinstance(value, str) and value in self._words else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return str(value)

    @override
    def normal(self, value: object) -> JsonValue:
        return str(value)

    @override
    def since(self, value: object) -> str | None:
        return self._since.get(str(value))


class Integer(Codec):
    """A whole number."""

    word = "whole number"

    @override
    def read(self, value: JsonValue) -> Read | None:
        return (value, None) if isinstance(value, int) and not isinstance(value, bool) else None


class Ratio(Codec):
    """A number from 0 to 1, which engines keep with the precision of 32 bits."""

    word = "number"

    @override
    def read(self, value: JsonValue) -> Read | None:
        return (value, None) if isinstance(value, int | float) and not isinstance(value, bool) else None

    @override
    def normal(self, value: object) -> JsonValue:
        return _single(float(cast("float", value)))


class Flag(Codec):
    """True or false."""

    word = "true or false"

    @override
    def read(self, value: JsonValue) -> Read | None:
        return (value, None) if isinstance(value, bool) else None


class Seconds(Codec):
    """A duration, nanoseconds there and seconds here, if a float of seconds holds it exactly.

    ``zero_unset`` is for durations that engines read as left out where they are 0.
    """

    word = "duration"

    def __init__(self, *, zero_unset: bool = False) -> None:
        self._zero_unset = zero_unset

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LONGEST:
            return None
        return (seconds(value), None) if nanoseconds(seconds(value)) == value else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return nanoseconds(cast("float", value))

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        if value is None:
            return default
        counted = seconds(nanoseconds(cast("float", value)))
        return default if self._zero_unset and not counted else counted


class Processors(Seconds):
    """Processors, counted in billionths there."""

    word = "number"

    @override
    def read(self, value: JsonValue) -> Read | None:
        return super().read(value) if isinstance(value, int) and value >= 0 else None


class Texts(Codec):
    """A list of texts in their order."""

    word = "list of texts"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            return None
        return tuple(value), None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return list(cast("tuple[str, ...]", value))

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return self.normal(value or ())


class Unordered(Texts):
    """A set that is written as a list of texts."""

    word = "set of texts"

    @override
    def normal(self, value: object) -> JsonValue:
        return [*sorted(set(cast("tuple[str, ...]", value)))]


class Pools(Unordered):
    """Blocks of addresses; none counts as the engine's own."""

    word = "set of subnets"

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return default if not value else self.normal(value)


class Constraints(Unordered):
    """Placement constraints, compared as engines read them."""

    @override
    def normal(self, value: object) -> JsonValue:
        return [*sorted({normal_constraint(one) for one in cast("tuple[str, ...]", value)})]


class Labels(Codec):
    """Texts by name; written as a whole."""

    word = "texts by name"
    harmless: re.Pattern[str] | None = re.compile(r"(io\.swarmnet|com\.docker)\..*", re.DOTALL)
    """Labels of swarmnet and of Docker: they name the creator of an object and its stack."""

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            return None
        return dict(value), None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return dict(cast("dict[str, str]", value))

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return dict(cast("dict[str, str]", value or {}))


class MergedLabels(Labels):
    """Texts by name to which a step adds: those of others stay."""

    word = "texts by name, added to those that are there"

    @override
    def merged(self, present: object, wanted: object) -> object:
        return {**cast("dict[str, str]", present or {}), **cast("dict[str, str]", wanted)}


OWN_OPTIONS = re.compile(
    r"com\.docker\.network\..*|encrypted|dsr|parent|(macvlan|ipvlan)_(mode|flag)|max-size|max-file|mode|tag", re.DOTALL
)
"""Options of the engine's own network and log drivers."""


class WholeOptions(Labels):
    """Driver options; written as a whole."""

    word = "options by name"
    harmless = OWN_OPTIONS


class Options(MergedLabels):
    """Driver options; those with a field of their own are among them."""

    word = "options by name"
    holds_fields = True
    harmless = OWN_OPTIONS

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return {**(present if isinstance(present, dict) else {}), **cast("dict[str, str]", value)}


class Environment(Labels):
    """Variables as lines ``NAME=value``; lines that no map can say (unset, twice) stay in the engine's JSON."""

    word = "variables by name"
    named = True
    harmless = None

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list):
            return None
        pairs = [one.split("=", 1) for one in value if isinstance(one, str) and "=" in one]
        variables = {name: text for name, text in pairs}  # noqa: C416 - mypy does not take a list of two for a pair
        return (variables, None) if len(variables) == len(value) else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        variables = cast("dict[str, str]", value)
        there = [str(one).partition("=")[0] for one in present] if isinstance(present, list) else []
        names = dict.fromkeys([*(name for name in there if name in variables), *variables])
        return [f"{name}={variables[name]}" for name in names]


TEXT, IMAGE, INTEGER, RATIO, FLAG = Text(), Image(), Integer(), Ratio(), Flag()
SECONDS, SECONDS_OR_UNSET, PROCESSORS = Seconds(), Seconds(zero_unset=True), Processors()
TEXTS, UNORDERED, POOLS, CONSTRAINTS = Texts(), Unordered(), Pools(), Constraints()
LABELS, MERGED_LABELS, ENVIRONMENT = Labels(), MergedLabels(), Environment()
OPTIONS, WHOLE_OPTIONS, BYTES = Options(), WholeOptions(), Bytes()
