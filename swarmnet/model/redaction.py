"""What is shown of values that may hold secrets: one rule for plans, drift, exports and reports.

The lines of fields say what is hidden (:class:`swarmnet.model.fields.EngineField`), also inside the engine's own JSON
below ``extra``. Without a line, texts by name and all other JSON are hidden. Names always stay, and each hidden value
has a tag: equal values have equal tags within one output.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from functools import cache, reduce
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, JsonValue

from swarmnet.model.codecs import LABELS
from swarmnet.model.fields import EXTRA, Codec, EngineField, Plain, described, line_of, lines
from swarmnet.model.sensitive import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.model.plan import Change

KEY_BYTES = 16
_TAG_BYTES = 4
_URL_USER = re.compile(r"(://)[^/\s@]+@")
_FLAG = re.compile(r"--[a-z][a-z-]*")


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of the texts at a place, and of the places below it."""

    hides: Codec | None = None
    """The form of a hidden value; None shows it."""
    parts: Mapping[str, Shape] = field(default_factory=dict)
    many: bool = False
    """True where other names lead to the same: entries of a list or a mapping."""

    def below(self, name: str) -> Shape:
        """Return the shape at a name; what is not known is hidden."""
        return self if self.hides is not None else self.parts.get(name, self if self.many else UNKNOWN)

    def joined(self, other: Shape) -> Shape:
        """Return what holds where both do."""
        names = dict.fromkeys((*self.parts, *other.parts))
        parts = {
            name: self.parts[name].joined(other.parts[name])
            if name in self.parts and name in other.parts
            else self.parts.get(name) or other.parts[name]
            for name in names
        }
        return Shape(self.hides or other.hides, parts, self.many or other.many)


OPEN, UNKNOWN = Shape(many=True), Shape(Codec())


@dataclass(frozen=True, slots=True)
class Cover:
    """Hides values; with ``shows`` it hides none."""

    shows: bool = False
    """``--show-values``."""
    key: bytes = field(default_factory=lambda: secrets.token_bytes(KEY_BYTES), repr=False)
    """The key of the tags. It is new in each run, so that a tag does not help to guess a value."""

    def change(self, change: Change) -> Change:
        """Return a change without what its values may hide."""
        path = change.path.split(".")
        shape = _changed(path[0])
        inner: tuple[str, ...] = ()
        for word in path[1:]:
            shape, inner = shape.below(word), _inner(shape, inner, word)
        before, after = (self._value(shape, inner, value) for value in (change.before, change.after))
        return change.model_copy(update={"before": before, "after": after})

    def value(self, model: type[BaseModel], name: str, value: JsonValue) -> JsonValue:
        """Return a field of a document as JSON, without what it may hide."""
        return self._value(shape_of(model).below(name), (), value)

    def document(self, model: type[BaseModel], tree: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return a document as JSON, without what its fields may hide."""
        return {name: self.value(model, name, value) for name, value in tree.items()}

    def _value(self, shape: Shape, inner: tuple[str, ...], value: JsonValue) -> JsonValue:
        """Return the value at a place; ``inner`` are the names below the field that is hidden."""
        if self.shows:
            return value
        if isinstance(value, dict):
            return {key: self._value(shape.below(key), _inner(shape, inner, key), one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._value(shape, inner, one) for one in value]
        return self._text(shape.hides, inner, value) if isinstance(value, str) and value else value

    def _text(self, form: Codec | None, inner: tuple[str, ...], text: str) -> str:
        if form is None:
            return _URL_USER.sub(rf"\1{HIDDEN}@", text)
        if form.harmless is not None and form.harmless.fullmatch(".".join(inner)):
            return text
        name, equals, rest = text.partition("=")
        if (form.named and not inner) or _FLAG.fullmatch(name):
            return f"{name}={self._tagged(rest)}" if equals and rest else text
        return self._tagged(text)

    def _tagged(self, text: str) -> str:
        data = json.dumps(text).encode()
        return f"{HIDDEN} #{hashlib.blake2b(data, key=self.key, digest_size=_TAG_BYTES).hexdigest()}"


def content(data: bytes) -> str:
    """Return what stands for the data of a config where it is not shown."""
    return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}"


def _inner(shape: Shape, inner: tuple[str, ...], name: str) -> tuple[str, ...]:
    return () if shape.hides is None else (*inner, name)


@cache
def shape_of(model: type[BaseModel]) -> Shape:
    """Return what is hidden of a document."""
    fields = model.model_fields.items()
    return Shape(parts={one.serialization_alias or name: _of_field(model, name) for name, one in fields})


@cache
def specs() -> tuple[type[BaseModel], ...]:
    """Return the spec of each kind of object: those that the state of a cluster has."""
    from swarmnet.model.state import ClusterState  # noqa: PLC0415 - it knows all documents

    fields = (one.model_fields.get("spec") for one in _documents(ClusterState))
    return tuple(dict.fromkeys(spec for one in fields if one is not None for spec in _models(one.annotation)))


@cache
def _whole() -> tuple[type[BaseModel], ...]:
    """Return the objects of a cluster that are their own spec, such as a container with its places on networks."""
    from swarmnet.model.state import ClusterState  # noqa: PLC0415 - as above

    return tuple(dict.fromkeys(one for one in _documents(ClusterState) if "spec" in vars(one)))


def _changed(name: str) -> Shape:
    """Return what is hidden of a changed field, of whatever kind of object, or of an action's own part of one."""
    found = [shape_of(spec).parts[name] for spec in specs() if name in spec.model_fields]
    found = found or [shape_of(one).parts[name] for one in _whole() if name in one.model_fields]
    return reduce(Shape.joined, found) if found else Shape()


def _of_field(model: type[BaseModel], name: str) -> Shape:
    if name == EXTRA:
        return _engine_shape(model) if described(model) else UNKNOWN
    line, annotation = line_of(model, name), model.model_fields[name].rebuild_annotation()
    if line is None:
        return _of_type(annotation, texts=LABELS)
    return Shape(line.codec) if line.hidden else _of_type(annotation, texts=None)


def _of_type(annotation: Any, *, texts: Codec | None) -> Shape:  # noqa: ANN401 - what pydantic takes
    """Return what is hidden of a value of a type; ``texts`` is the form of texts by name, None shows them."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _of_type(arguments[0], texts=None if Plain() in arguments[1:] else texts)
    if annotation is JsonValue:
        return UNKNOWN
    if get_origin(annotation) is dict and arguments[1] is str:
        return Shape(texts, many=texts is None)
    if get_origin(annotation) in (dict, tuple, list):
        inner = _of_type(arguments[-1] if get_origin(annotation) is dict else arguments[0], texts=texts)
        return Shape(inner.hides, inner.parts, many=True)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return shape_of(annotation)
    return reduce(Shape.joined, (_of_type(one, texts=texts) for one in arguments), Shape())


@cache
def _engine_shape(model: type[BaseModel]) -> Shape:
    """Return what is hidden of the engine's own JSON of a spec or of a part: all that no line shows."""
    places = ((keys, _of_line(line)) for line in lines(model).values() if not line.outside for keys in line.places)
    return reduce(Shape.joined, (_nested(keys, shape) for keys, shape in places), Shape())


def _nested(keys: Iterable[str], shape: Shape) -> Shape:
    return reduce(lambda inner, key: Shape(parts={key: inner}), reversed(tuple(keys)), shape)


def _of_line(line: EngineField) -> Shape:
    if line.hidden:
        return Shape(line.codec)
    return OPEN if line.codec.model is None else _engine_shape(line.codec.model)


def _documents(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for one in model.model_fields.values():
        for inner in _models(one.annotation):
            yield from _documents(inner)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - as above
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for one in get_args(annotation):
        yield from _models(one)
