"""Read the YAML of a stack file into nodes that remember their file and line, through anchors and merges.

Other than in swarmnet's own documents, anchors, aliases, ``<<`` and the tags ``!reset`` and ``!override`` are allowed,
since stack files use them. What an alias repeats counts each time, so that aliases cannot multiply without limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias, cast

import yaml

from swarmnet.errors import DocumentError, Problem
from swarmnet.parse.recognise import recognised, recognised_bytes
from swarmnet.parse.yaml import (
    DEPTH_LIMIT,
    ITEM_LIMIT,
    TOO_DEEP,
    Mark,
    Source,
    decoded,
    fill,
    mark_of,
    plain,
    refuse_other_kind,
)

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue
    from swarmnet.parse.yaml import Path

Scalar: TypeAlias = str | int | float | bool | None
MERGE = "<<"
RESET, OVERRIDE = "!reset", "!override"
_TEXT_TAG = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and the file and place of its key or item."""

    value: dict[str, Node] | list[Node] | Scalar
    file: str
    mark: Mark
    tag: str | None = None
    """``!reset`` takes the value of an earlier file away, ``!override`` replaces instead of merging."""
    size: int = 1
    """Values in it, itself included, what aliases repeat each time."""
    depth: int = 1
    """Levels below it, its own included."""

    @property
    def data(self) -> JsonValue:
        """The value as plain data."""
        if isinstance(self.value, dict):
            return {key: one.data for key, one in self.value.items()}
        return [one.data for one in self.value] if isinstance(self.value, list) else self.value

    def problem(self, text: str, hint: str | None = None) -> Problem:
        """Return a problem at this place."""
        return Problem(self.file, self.mark.line, text, hint, self.mark.column)

    def marks(self, path: Path = ()) -> dict[Path, Node]:
        """Return the node at each path, this one included."""
        found: dict[Path, Node] = {path: self}
        items = self.value.items() if isinstance(self.value, dict) else ()
        entries = enumerate(self.value) if isinstance(self.value, list) else items
        for step, one in entries:
            found |= one.marks((*path, step))
        return found


@dataclass(frozen=True, slots=True)
class MergedSource(Source):
    """The data of several files in one, where each part knows the file that it is from."""

    nodes: dict[Path, Node] = field(default_factory=dict)

    def problem(self, path: Path, text: str, hint: str | None = None) -> Problem:
        """Return a problem at the file and line of ``path``, or of the nearest thing around it."""
        around = (path[:length] for length in range(len(path), -1, -1))
        node = next(self.nodes[one] for one in around if one in self.nodes)
        return node.problem(text, hint)


def source_of(node: Node, data: JsonValue) -> MergedSource:
    """Return a document for the checker: ``data`` is that of the node, or what is left of it."""
    nodes = node.marks()
    whole = data if isinstance(data, dict) else {}
    return MergedSource(node.file, whole, {path: one.mark for path, one in nodes.items()}, nodes)


def read_nodes(content: bytes, name: str) -> Node:
    """Read one stack file.

    Args:
        content: the file's bytes.
        name: its path, for messages.

    Raises:
        DocumentError: with the problems found: too large, not text, bad syntax, duplicate keys, unknown tags or
            aliases, too much repeated by aliases, no mapping at the top, or a file of another kind.
    """
    refuse_other_kind(name, recognised_bytes(content), "a Compose file")
    text = decoded(content, name)
    builder = _Builder(name)
    fill(builder, text)
    if builder.root is not None:
        refuse_other_kind(name, recognised(builder.root.data, text), "a Compose file")
    return builder.finish()


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being filled."""

    mark: Mark
    anchor: str | None
    tag: str | None
    value: dict[str, Node] | list[Node]
    key: str | None = None
    key_mark: Mark = Mark(1, 1)  # noqa: RUF009 - a NamedTuple is immutable
    merged: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class _Builder:
    name: str
    problems: list[Problem] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    root: Node | None = None
    documents: int = 0
    hopeless: bool = False

    def take(self, event: yaml.Event) -> None:
        mark = mark_of(event)
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._complain(mark, "a second document begins here", "keep one stack in a file")
                self.hopeless = True
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", mark)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, mark)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self.frames) >= DEPTH_LIMIT:
                self._complain(mark, TOO_DEEP)
                self.hopeless = True
                return
            value: dict[str, Node] | list[Node] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self.frames.append(_Frame(mark, event.anchor, self._tag(event.tag, mark), value))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(self.frames.pop())

    def finish(self) -> Node:
        if not self.problems and (self.root is None or not isinstance(self.root.value, dict)):
            empty = self.root is None or self.root.value is None
            text = "the file is empty" if empty else "a stack file must be a mapping of keys to values"
            self._complain(Mark(1, 1), text, "begin with 'services:'")
        if self.problems or self.root is None:
            raise DocumentError(tuple(self.problems))
        return self.root

    def _complain(self, mark: Mark, text: str, hint: str | None = None) -> None:
        self.problems.append(Problem(self.name, mark.line, text, hint, mark.column))

    def _tag(self, tag: str | None, mark: Mark) -> str | None:
        if tag not in (None, "!", RESET, OVERRIDE, _TEXT_TAG):
            self._complain(mark, f"tag {tag!r} is not known", "quote text, write numbers bare")
        return tag if tag in (RESET, OVERRIDE) else None

    def _alias(self, name: str, mark: Mark) -> None:
        node = self.anchors.get(name)
        if node is None:
            self._complain(mark, f"alias *{name} names no anchor above it", f"write '&{name}' at the value")
            node = Node(None, self.name, mark)
        self._put(replace(node, mark=mark, tag=None))

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        frame = self.frames[-1] if self.frames else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            frame.key, frame.key_mark = event.value, mark
            if event.value in frame.value:
                first = frame.value[event.value].mark.line
                self._complain(mark, f"key {event.value!r} is given twice; the first time on line {first}")
            return
        unquoted = event.implicit[0] and event.tag is None
        value = cast("Scalar", plain(event.value)) if unquoted else event.value
        node = Node(value, self.name, mark, self._tag(event.tag, mark))
        self._named(event.anchor, node)
        self._put(node)

    def _named(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self.anchors[anchor] = node

    def _close(self, frame: _Frame) -> None:
        value = frame.value
        if isinstance(value, dict):
            for part in frame.merged:
                value |= {key: one for key, one in _fields(part).items() if key not in value}
        below = [*value.values()] if isinstance(value, dict) else value
        size, depth = 1 + sum(one.size for one in below), 1 + max((one.depth for one in below), default=0)
        if depth > DEPTH_LIMIT:
            self._complain(frame.mark, TOO_DEEP)
            self.hopeless = True
        node = Node(value, self.name, frame.mark, frame.tag, size, depth)
        self._named(frame.anchor, node)
        self._put(node)

    def _put(self, node: Node) -> None:
        if node.size > ITEM_LIMIT:
            self._complain(node.mark, f"the file has more than {ITEM_LIMIT} values, those that aliases repeat included")
            self.hopeless = True
        if not self.frames:
            self.root = node
            return
        frame = self.frames[-1]
        if isinstance(frame.value, list):
            frame.value.append(node)
        elif frame.key is None:
            self._complain(node.mark, "a key must be text")
            frame.key = f"?{node.mark.line}"
        elif frame.key == MERGE:
            self._merge(frame, node)
            frame.key = None
        else:
            frame.value.setdefault(frame.key, replace(node, mark=frame.key_mark))
            frame.key = None

    def _merge(self, frame: _Frame, node: Node) -> None:
        parts = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(one.value, dict) for one in parts):
            self._complain(frame.key_mark, "'<<' takes a mapping, or a list of mappings", "write '<<: *name'")
            return
        frame.merged += parts


def _fields(node: Node) -> dict[str, Node]:
    return node.value if isinstance(node.value, dict) else {}
