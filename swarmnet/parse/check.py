"""Check data against a model; every problem is a sentence with its line."""

from __future__ import annotations

import re
import types
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from swarmnet.errors import DocumentError, Problem
from swarmnet.parse.yaml import PROBLEM_LIMIT, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic_core import ErrorDetails

    from swarmnet.model.base import JsonValue
    from swarmnet.parse.yaml import Path, Source

M = TypeVar("M", bound=BaseModel)

_MISSING = object()
_AS_IS: Mapping[str, Path] = {}
_LONGEST_KEY = 100
"""Characters of what is compared with the known keys."""
_MOST_COMPARED = 500
"""Known words that one is compared with: each takes some microseconds, for each word that is not known."""
_MOST_NAMED = 50
"""Known words that a hint names."""

# Error types of pydantic 2 to words for people who do not know it.
_WORDS = {
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "none_required": "must be empty",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "must be at least"),
    "greater_than": ("gt", "must be more than"),
    "less_than_equal": ("le", "must be at most"),
    "less_than": ("lt", "must be less than"),
    "too_short": ("min_length", "needs entries, at least"),
    "too_long": ("max_length", "has too many entries, more than"),
    "string_too_short": ("min_length", "needs characters, at least"),
    "string_too_long": ("max_length", "has too many characters, more than"),
}


_UNQUOTED: dict[str, tuple[type, ...]] = {"bool_type": (bool,), "int_type": (int,), "float_type": (int, float)}
"""Kinds of errors that quotes around the right value cause, and what is inside them."""
_ALTERNATIVES = re.compile(r"\^\(([a-z|-]+\|[a-z-]+)\)\$")
"""A pattern that is a list of words."""
HOPELESS = 10 * PROBLEM_LIMIT
"""Problems after which the rest of a document is not read: some are repeated for each item of a ``for``."""


class Checker:
    """Checks parts of a document and collects what is wrong, so that all of it is reported at once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []

    def complain(self, path: Path, text: str, hint: str | None = None) -> None:
        """Add a problem at the line of ``path``."""
        self.problems.append(self.source.problem(path, text, hint))
        self._stop_where_hopeless()

    def check(
        self, model: type[M], path: Path, data: object = _MISSING, *, renamed: Mapping[str, Path] = _AS_IS
    ) -> M | None:
        """Return the part at ``path`` as ``model``, or None after adding its problems.

        Args:
            model: what it should be.
            path: where it is in the document; its problems get the lines below it.
            data: checked instead of what is at ``path``, when the document's form differs from the model's.
            renamed: where fields of the model are below ``path``, when they have other names there.
        """
        value = self.source.at(path) if data is _MISSING else data
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.problems += problems_of(error, self.source, path, model=model, renamed=renamed)
            self._stop_where_hopeless()
            return None

    def _stop_where_hopeless(self) -> None:
        if len(self.problems) >= HOPELESS:
            self.finish()

    def forget_consequences(self, start: int, end: int) -> None:
        """Drop the problems from ``end`` on that have the line and column of one from ``start`` to ``end``.

        An undefined reference leaves an empty text behind, which is then reported as wrong, too.
        """
        causes = {(problem.line, problem.column) for problem in self.problems[start:end]}
        self.problems[end:] = [one for one in self.problems[end:] if (one.line, one.column) not in causes]

    def schema(self, known: int) -> None:
        """Complain unless the key ``schema`` names the version that is read."""
        found = self.source.data.get("schema")
        if found is None:
            self.complain(("schema",), "key 'schema' is missing", f"begin the file with 'schema: {known}'")
        elif found != known or isinstance(found, bool):
            self.complain(("schema",), f"schema {found!r} is not known", f"this version reads 'schema: {known}'")

    def finish(self) -> None:
        """Raise ``DocumentError`` with all problems in the order of their lines, if there are any."""
        if self.problems:
            raise DocumentError(in_order(self.problems))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order of their lines, each once, and at most ``PROBLEM_LIMIT``."""
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: (problem.line or 0, problem.column or 0))
    return tuple(ordered[:PROBLEM_LIMIT])


def problems_of(
    error: ValidationError,
    source: Source,
    path: Path = (),
    *,
    model: type[BaseModel],
    renamed: Mapping[str, Path] = _AS_IS,
) -> list[Problem]:
    """Return what pydantic found as sentences with line and column; at most ``PROBLEM_LIMIT``.

    Several complaints about one value (the branches of a union) become one, and so do an unknown key and the missing
    one that it was meant to be. The known keys of a mapping are listed once.
    """
    texts: dict[Path, list[str]] = {}
    hints: dict[Path, str | None] = {}
    found = _without_typos(error.errors(include_url=False, include_context=True), model)
    for details in found[:PROBLEM_LIMIT]:
        place = _place(source, path, details, renamed)
        text, hint = _words(details, place, model)
        texts.setdefault(place, [])
        if text not in texts[place]:
            texts[place].append(text)
        hints.setdefault(place, None if hint in hints.values() and details["type"] == "extra_forbidden" else hint)
    return [source.problem(place, _sentence(place, said), hints[place]) for place, said in texts.items()]


def _without_typos(found: list[ErrorDetails], model: type[BaseModel]) -> list[ErrorDetails]:
    """Return the complaints without those about missing keys that are there, but misspelt."""
    meant = set()
    for details in found[:PROBLEM_LIMIT]:
        if details["type"] == "extra_forbidden":
            around, name = details["loc"][:-1], str(details["loc"][-1])
            meant |= {(around, near) for near in _near(name, _keys(model, around))}
    return [one for one in found if one["type"] != "missing" or (one["loc"][:-1], one["loc"][-1]) not in meant]


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the nearest of the known words, or all of them when none is near."""
    words = sorted(known)
    if near := _near(word, words):
        return f"did you mean {near[0]!r}?"
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    return f"known: {', '.join(words[:_MOST_NAMED])}{more}" if words else None


def _near(word: str, known: Iterable[str]) -> list[str]:
    """Return the known word that another is nearest to, if any is near."""
    words = sorted(known)
    if len(word) > _LONGEST_KEY or len(words) > _MOST_COMPARED:
        return []
    return get_close_matches(word, words, n=1, cutoff=0.65)


def _place(source: Source, path: Path, details: ErrorDetails, renamed: Mapping[str, Path]) -> Path:
    """Return the path of the problem, without what pydantic adds to paths (names of union branches)."""
    place = path
    first, rest = details["loc"][:1], details["loc"][1:]
    steps = (*(inner for step in first for inner in renamed.get(str(step), (step,))), *rest)
    for index, step in enumerate(steps):
        last_missing = details["type"] == "missing" and index == len(steps) - 1
        if (*place, step) in source.marks or last_missing:
            place = (*place, step)
    return place


def _sentence(place: Path, said: list[str]) -> str:
    if len(said) == 1 and said[0].startswith(("unknown key", "key ")):
        return said[0]
    where = ".".join(str(step + 1) if isinstance(step, int) else step for step in place)
    return f"{where!r} {' or '.join(said)}" if where else " or ".join(said)


def _words(details: ErrorDetails, place: Path, model: type[BaseModel]) -> tuple[str, str | None]:
    kind, context = details["type"], details.get("ctx", {})
    name = str(details["loc"][-1]) if details["loc"] else str(place[-1] if place else "")
    if kind == "extra_forbidden":
        known = _keys(model, details["loc"][:-1])
        if not _near(name, known) and (homes := _homes(model, details["loc"][:-1], name)):
            return f"unknown key {name!r}", f"write it under {' or '.join(map(repr, homes))}"
        hint = closest(name, known)
        more = "extra" in known and not _near(name, known)
        return f"unknown key {name!r}", f"{hint}; anything else that engines know goes under 'extra'" if more else hint
    if kind == "missing":
        return f"key {name!r} is missing", None
    if kind == "value_error":
        return str(context["error"]), getattr(context["error"], "hint", None)
    return _demand(details), _quotes(kind, details["input"])


def _demand(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind in _WORDS:
        return _WORDS[kind]
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{words} {context[key]}"
    if kind == "string_pattern_mismatch" and (listed := _ALTERNATIVES.fullmatch(context["pattern"])):
        *first, last = listed[1].split("|")
        return f"must be {', '.join(map(repr, first))} or {last!r}"
    if kind in ("enum", "literal_error"):
        return f"must be {context['expected']}"
    return details["msg"][:1].lower() + details["msg"][1:]


def _quotes(kind: str, value: JsonValue) -> str | None:
    """Return the hint to add quotes, or to leave them out, where only they are wrong."""
    if kind == "string_type" and isinstance(value, int | float):
        return f'write "{str(value).lower()}" in quotes'
    if isinstance(value, str) and type(plain(value)) in _UNQUOTED.get(kind, ()):
        return f"write {value} without quotes"
    return None


def _keys(model: type[BaseModel], steps: tuple[str | int, ...]) -> set[str]:
    """Return the keys that are known where ``steps`` lead to, starting from ``model``."""
    return {field.alias or name for found in _models_at(model, steps) for name, field in found.model_fields.items()}


def _homes(model: type[BaseModel], steps: tuple[str | int, ...], name: str) -> list[str]:
    """Return the keys there whose own mapping knows ``name``: ``ssh`` for the ``port`` of a host."""
    return sorted(
        field.alias or key
        for found in _models_at(model, steps)
        for key, field in found.model_fields.items()
        if any(
            name in (inner.alias, own)
            for below in _models(field.annotation)
            for own, inner in below.model_fields.items()
        )
    )


def _models_at(model: type[BaseModel], steps: tuple[str | int, ...]) -> list[type[BaseModel]]:
    """Return the models that may be where ``steps`` lead to, starting from ``model``."""
    here: list[Any] = [model]
    for step in steps:
        below = [inner for annotation in here for inner in _step(annotation, step)]
        here = below or here  # a step that only names a union branch leads nowhere
    return [found for annotation in here for found in _models(annotation)]


def _branches(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - an annotation can be anything
    """Yield the annotation itself, or the branches of a union."""
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        for inner in get_args(annotation):
            yield from _branches(inner)
    else:
        yield annotation


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - an annotation can be anything
    for branch in _branches(annotation):
        if isinstance(branch, type) and issubclass(branch, BaseModel):
            yield branch


def _step(annotation: Any, step: str | int) -> Iterator[Any]:  # noqa: ANN401 - an annotation can be anything
    """Yield what an annotation says of its part ``step``."""
    for branch in _branches(annotation):
        origin, arguments = get_origin(branch), get_args(branch)
        if isinstance(branch, type) and issubclass(branch, BaseModel):
            fields = branch.model_fields.items()
            yield from (field.annotation for name, field in fields if step in (field.alias, name))
        elif isinstance(step, int) and origin in (list, tuple, set, frozenset):
            yield arguments[0]
        elif origin is dict:
            yield arguments[1]
