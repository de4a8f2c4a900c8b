"""What a broken or hostile host may say: JSON of engines with something odd in it, and bytes that are not JSON.

Few inputs a run; ``HYPOTHESIS_PROFILE=soak`` tries many more.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, cast

from hypothesis import settings
from hypothesis import strategies as st

from swarmnet.errors import SwarmnetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from swarmnet.model.base import JsonObject, JsonValue

FEW = settings(max_examples=max(1, settings.default.max_examples // 4))  # type: ignore[union-attr]  # there is one
Path = tuple[str | int, ...]


def _deep(levels: int) -> JsonValue:
    value: JsonValue = []
    for _ in range(levels):
        value = [value]
    return value


ODD: list[JsonValue] = [
    *(None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**53 + 1, 2**63, 2**64, -(2**70), 10**400),
    *("", " ", "x" * 5000, "\ud800", "a\udfffb", "\0", "\x1b[2J", "..", "../../x", "999.1.1.1/99", "::1%eth0"),
    *("1" * 5000, "\u0663", "nan", "-1", "a" * 26 + ".", "9999-12-31T23:59:59+14:00", "=", "no/such:word"),
    [],
    ["x"],
    [None],
    [{}],
    {},
    {"": ""},
    {"Id": {}},
    {"x": {"y": [{"z": None}]}},
    _deep(150),
]
"""Values that some field does not expect."""

RAW = (
    *(b"", b" ", b"null", b"[", b"{", b'"', b'{"a":', b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"\xed\xa0\x80"),
    *(b"NaN", b"[Infinity]", b"[1e999]", b"[-1e999]", b"1" * 5000, b'{"Id": ' + b"9" * 5000 + b"}", b'"\\ud800"'),
    *(b'["\\udc00\\ud800"]', b"\xef\xbb\xbf{}", b"{}{}", b"<html>", b"\0" * 100, b"[]\n[]\n", b'{"error": {}}\n'),
    *(b'{"message": ["x"]}', b'{"message": {"a": 1}}', b'{"error": "x"}\n{', b'{"Id": "a", "Id": []}'),
)
"""Bodies as they may come over the wire."""

odd = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
raw = st.sampled_from(RAW) | st.binary(max_size=60)


def places(value: JsonValue, path: Path = ()) -> Iterator[Path]:
    """Yield the place of everything in a value, the value itself included."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places(item, (*path, number))


def replaced(value: JsonValue, path: Path, by: JsonValue) -> JsonValue:
    """Return a value with another at a place."""
    if not path:
        return by
    changed = deepcopy(value)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]  # type: ignore[index]  # the path is one of this value's
    holder[path[-1]] = by  # type: ignore[index]  # as above
    return changed


def removed(value: JsonValue, path: Path) -> JsonValue:
    """Return a value without the part at one place."""
    changed = deepcopy(value)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]  # type: ignore[index]  # as above
    del cast("JsonObject", holder)[cast("str", path[-1])]
    return changed


@st.composite
def changed(draw: st.DrawFn, value: JsonValue) -> JsonValue:
    """Draw a value in which up to three things are odd or missing."""
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(list(places(value))))
        lacks = bool(path) and draw(st.booleans())
        value = removed(value, path) if lacks else replaced(value, path, draw(odd))
    return value


def spoiled_by(chance: Random, value: JsonValue) -> JsonValue:
    """Return a value in which up to three things are odd or missing, where nothing can be drawn: inside of threads."""
    for _ in range(chance.randint(0, 3)):
        path = chance.choice(list(places(value)))
        lacks = bool(path) and chance.random() < 0.5
        value = removed(value, path) if lacks else replaced(value, path, chance.choice(ODD))
    return value


def body(value: JsonValue) -> st.SearchStrategy[bytes]:
    """Draw the body of an answer that should hold the value."""
    return changed(value).map(lambda drawn: json.dumps(drawn).encode()) | raw


def check(host: str, ask: Callable[[], object]) -> None:
    """Ask a host; an error must be one that is meant for people, name the host, and be short."""
    try:
        ask()
    except SwarmnetError as caught:
        error = caught
    else:
        return
    assert host in str(error)
    assert len(str(error)) < 1500
