"""Where what a host said comes in: one guard, and one reader of JSON.

A host may say anything: it may be broken, newer than swarmnet, or hostile. Whatever goes wrong while its words are
taken apart is that host's failure, never the end of the run for all hosts.
"""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from pydantic import ValidationError

from swarmnet.errors import HostError, SwarmnetError, cut
from swarmnet.model.sensitive import SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.model.base import JsonObject, JsonValue

ITEMS = 2_000_000
"""Most items of one JSON answer: each takes some 100 bytes of memory here, however short it is written."""

_DIGITS = 20
"""Of a number of 64 bits, sign included; hosts count with no others, and no float holds all that are longer."""


@contextmanager
def border(host: str, what: str, kind: Callable[[str, str], HostError] = HostError) -> Iterator[None]:
    """Turn whatever is wrong with a host's words into that host's error; the cause is kept for ``-v``.

    Args:
        host: its name in the inventory.
        what: what was read, for the message: "list networks".
        kind: the error to raise.
    """
    try:
        yield
    except SwarmnetError:
        raise
    except Exception as error:
        raise kind(host, f"{what}: the answer makes no sense: {cut(SENSITIVE.masked(describe(error)))}") from error


def describe(error: BaseException) -> str:
    """Return in a few words what is wrong with an answer."""
    match error:
        case KeyError():
            return f"it lacks {error}"
        case RecursionError():
            return "it is nested too deeply"
        case ValidationError():
            first = error.errors(include_url=False, include_input=False)[0]
            return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        case _:
            return str(error) or type(error).__name__


def parsed(said: bytes) -> JsonValue:
    """Return the JSON that a host said, fit for every later use.

    Bytes that are not UTF-8 and lone surrogates, which no file and no terminal takes, become U+FFFD.

    Raises:
        ValueError: it is not JSON, nested too deeply, has more than ``ITEMS`` items, or a number that is none.
    """
    if said.count(b",") >= ITEMS:
        raise ValueError(f"it has more than {ITEMS:,} items")
    text = said.decode(errors="replace")
    try:
        value = cast("JsonValue", json.loads(text, parse_int=_countable, parse_float=_finite, parse_constant=_finite))
        return _whole(value) if "\\ud" in text.lower() else value
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def text_at(seen: JsonObject, key: str) -> str:
    """Return the text at a key; raises ``ValueError`` where there is none."""
    value = seen.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"it lacks {key!r}")
    return value


def _countable(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"{cut(text, _DIGITS)} is not a number of 64 bits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{cut(text, 20)} is not a number")
    return number


def _whole(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {str(_whole(key)): _whole(item) for key, item in value.items()}
    return value
