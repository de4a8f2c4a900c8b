"""Read YAML text into plain data that remembers its lines.

The dialect is small on purpose: one document, a mapping at its top, JSON's types. No tags, no anchors (so no
alias bombs), no duplicate keys, and none of YAML 1.1's surprises: ``no``, ``22:22`` and ``2024-01-01`` are text.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import yaml

from swarmnet.errors import DocumentError, Problem
from swarmnet.parse.recognise import recognised, recognised_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonValue
    from swarmnet.parse.recognise import Kind

Path: TypeAlias = tuple[str | int, ...]
"""The path of a value in a document: ``("hosts", "m1", "address")`` or ``("steps", 0)``."""

SIZE_LIMIT = 2 * 1024 * 1024
"""Bytes; a list of thousands of hosts is far smaller."""
ITEM_LIMIT = 100_000
"""Keys and values; the largest inventories and playbooks that people write have some thousands."""
_LONGEST_PROBLEM = 300
"""Characters; a key can be as long as the whole document."""
PROBLEM_LIMIT = 100
"""Problems that are shown of one document."""
DEPTH_LIMIT = 40
TOO_DEEP = f"nested deeper than {DEPTH_LIMIT} levels"

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,19})")
_INTEGERS = range(-(2**63), 2**64)
"""What engines hold in an integer: int64, uint64. What is longer, such as an account number, stays text."""
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Mark(NamedTuple):
    """Where something begins, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A document's data, and the place at which each part of it begins."""

    name: str
    """File path as the operator wrote it, for messages."""
    data: dict[str, JsonValue]
    marks: Mapping[Path, Mark]

    def mark(self, path: Path) -> Mark | None:
        """Return the place of the key or item at ``path``, or of the nearest thing around it."""
        for length in range(len(path), 0, -1):
            mark = self.marks.get(path[:length])
            if mark is not None:
                return mark
        return self.marks.get(())

    def at(self, path: Path) -> JsonValue:
        """Return the data at ``path``, None when there is nothing."""
        here: JsonValue = self.data
        for step in path:
            if isinstance(here, dict) and isinstance(step, str):
                here = here.get(step)
            elif isinstance(here, list) and isinstance(step, int) and 0 <= step < len(here):
                here = here[step]
            else:
                return None
        return here

    def problem(self, path: Path, text: str, hint: str | None = None) -> Problem:
        """Return a problem at the place of ``path``."""
        line, column = self.mark(path) or (None, None)
        return Problem(self.name, line, text, hint, column)


def load(content: bytes, name: str, wanted: Kind | None = None) -> Source:
    """Read a document.

    Args:
        content: the file's bytes.
        name: its path, for messages.
        wanted: the expected kind; a file of another kind is then reported as that kind, instead of all its problems.

    Raises:
        DocumentError: with the problems found, 100 at most: too large, binary, not UTF-8, empty, bad syntax, duplicate
            keys, tags, anchors, nesting deeper than 40, more than one document, no mapping at the top.
    """
    builder = _Builder(name)
    if wanted is not None:
        refuse_other_kind(name, recognised_bytes(content), wanted)
    text = decoded(content, name)
    fill(builder, text)
    if wanted is not None:
        refuse_other_kind(name, recognised(builder.root, text), wanted)
    return builder.finish()


class Builder(Protocol):
    """What makes data of the events of YAML, and gathers problems."""

    name: str
    problems: list[Problem]

    hopeless: bool
    """True once no further event is worth reading."""

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""


def fill(builder: Builder, text: str) -> None:
    """Give the events of a text to a builder, and add what is wrong with the YAML to its problems."""
    # libyaml is some twenty times faster; the wheels have it, a source build may not.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.ScalarEvent) and "\0" in event.value:
                # Neither files, programs nor engines take one.
                line, column = mark_of(event)
                builder.problems.append(
                    Problem(builder.name, line, "text cannot contain zero characters", column=column)
                )
            builder.take(event)
            if builder.hopeless or len(builder.problems) >= PROBLEM_LIMIT:
                return
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax_problem(error, builder.name, text))
    except yaml.YAMLError:
        builder.problems.append(Problem(builder.name, None, "not valid YAML: it contains control characters"))


def mark_of(event: yaml.Event) -> Mark:
    """Return where an event begins."""
    start = event.start_mark
    return Mark(1, 1) if start is None else Mark(start.line + 1, start.column + 1)


def refuse_other_kind(name: str, found: tuple[str, str] | None, wanted: Kind) -> None:
    """Raise ``DocumentError`` where a file was recognised as one of another kind."""
    if found is not None and found[0] != wanted:
        raise DocumentError((Problem(name, None, f"this is {found[0]}, not {wanted} for swarmnet", found[1]),))


def _syntax_problem(error: yaml.MarkedYAMLError, name: str, text: str) -> Problem:
    """Return what is wrong with the YAML, with its line."""
    mark = error.problem_mark or error.context_mark
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        return _at(mark, name, "not valid YAML: a tab is used for indentation: use spaces")
    if mark is not None and _open_brackets(text[: mark.index]) > DEPTH_LIMIT:
        # The scanner reads ahead of its events and has a limit of its own, which differs between versions of PyYAML.
        return _at(mark, name, TOO_DEEP)
    words = f"not valid YAML: {error.problem or error.note}"
    if error.context and error.context_mark:
        words += f" ({error.context} that begins on line {error.context_mark.line + 1})"
    return Problem(name, None, words) if mark is None else _at(mark, name, words)


def _at(mark: yaml.Mark, name: str, text: str) -> Problem:
    return Problem(name, mark.line + 1, text, column=mark.column + 1)


def _open_brackets(text: str) -> int:
    """Return how many flow collections are open at the end of a text; brackets inside quotes count too."""
    return sum(text.count(bracket) for bracket in "[{") - sum(text.count(bracket) for bracket in "]}")


def decoded(content: bytes, name: str) -> str:
    """Return a document's text; raise ``DocumentError`` where it is too large or not text."""
    if len(content) > SIZE_LIMIT:
        raise DocumentError((Problem(name, None, f"too large: more than {SIZE_LIMIT // 1024} KiB"),))
    if b"\0" in content:
        raise DocumentError((Problem(name, None, "not a text file: it contains NUL bytes", "save the file as UTF-8"),))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DocumentError((Problem(name, line, "not UTF-8 text", "save the file as UTF-8"),)) from None


@dataclass(slots=True)
class _Frame:
    """One mapping or list that is being filled."""

    path: Path
    value: dict[str, JsonValue] | list[JsonValue]
    key: str | None = None
    duplicate: bool = False


@dataclass(slots=True)
class _Builder:
    """Builds data from parser events, without recursion: no nesting can exhaust the stack."""

    name: str
    problems: list[Problem] = field(default_factory=list)
    marks: dict[Path, Mark] = field(default_factory=dict)
    frames: list[_Frame] = field(default_factory=list)
    root: JsonValue = None
    documents: int = 0
    hopeless: bool = False

    def take(self, event: yaml.Event) -> None:
        mark = mark_of(event)
        if len(self.marks) > ITEM_LIMIT:
            self._complain(mark, f"the document has more than {ITEM_LIMIT} keys and values")
            self.hopeless = True
            return
        if isinstance(event, yaml.DocumentStartEvent):
            self._document(mark)
        elif isinstance(event, yaml.AliasEvent):
            self._complain(mark, "aliases (*name) are not allowed", "write the value out")
            self._put(None, mark)
        elif isinstance(event, yaml.ScalarEvent):
            self._decoration(event, mark)
            self._scalar(event, mark)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._decoration(event, mark)
            self._open({} if isinstance(event, yaml.MappingStartEvent) else [], mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.frames.pop()

    def finish(self) -> Source:
        if not self.problems:
            if self.root is None:
                self._complain(None, "the document is empty")
            elif not isinstance(self.root, dict):
                self._complain(
                    Mark(1, 1), "the document must be a mapping of keys to values", "write 'key: value' lines"
                )
        if self.problems or not isinstance(self.root, dict):
            raise DocumentError(tuple(self.problems))
        return Source(self.name, self.root, self.marks)

    def _complain(self, mark: Mark | None, text: str, hint: str | None = None) -> None:
        line, column = mark or (None, None)
        self.problems.append(Problem(self.name, line, _cut(text), hint, column))

    def _document(self, mark: Mark) -> None:
        self.documents += 1
        if self.documents > 1:
            self._complain(mark, "a second document begins here", "keep one document in a file")
            self.hopeless = True

    def _decoration(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, mark: Mark) -> None:
        if event.anchor is not None:
            self._complain(mark, "anchors (&name) are not allowed", "write the value where it is used")
        if event.tag is not None:
            self._complain(mark, f"tags are not allowed: {event.tag!r}", "quote text, write numbers bare")

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        frame = self.frames[-1] if self.frames else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._key(frame, event.value, mark)
        else:
            unquoted = event.implicit[0]
            self._put(plain(event.value) if unquoted else event.value, mark)

    def _key(self, frame: _Frame, key: str, mark: Mark) -> None:
        path = (*frame.path, key)
        first = self.marks.get(path)
        frame.key = key
        frame.duplicate = first is not None
        if first is None:
            self.marks[path] = mark
        else:
            self._complain(mark, f"key {key!r} is given twice; the first time on line {first.line}")

    def _put(self, value: JsonValue, mark: Mark) -> None:
        if not self.frames:
            self.root = value
            return
        frame = self.frames[-1]
        if isinstance(frame.value, list):
            self.marks[*frame.path, len(frame.value)] = mark
            frame.value.append(value)
        elif frame.key is None:
            self._complain(mark, "a key must be text")
            frame.key = f"?{mark.line}"
        else:
            if not frame.duplicate:
                frame.value[frame.key] = value
            frame.key = None

    def _open(self, value: dict[str, JsonValue] | list[JsonValue], mark: Mark) -> None:
        if len(self.frames) >= DEPTH_LIMIT:
            self._complain(mark, TOO_DEEP)
            self.hopeless = True
            return
        path: Path = ()
        if self.frames:
            above = self.frames[-1]
            step = len(above.value) if isinstance(above.value, list) else above.key
            # The second value of a key is read too, for its own problems, under a path that hides no lines.
            path = (*above.path, f"{step}#{mark.line}" if above.duplicate or step is None else step)
        self.marks.setdefault(path, mark)
        self._put(value, mark)
        self.frames.append(_Frame(path, value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_PROBLEM else f"{text[:_LONGEST_PROBLEM]}... ({len(text)} characters)"


def plain(text: str) -> JsonValue:
    """Resolve an unquoted scalar as YAML 1.2 does; what begins with a needless zero stays text (``0755``)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and (integer := int(text)) in _INTEGERS:
        return integer
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
