"""Where the log of a manager ends, read from the file that its engine keeps it in. Pure.

The file is etcd's write-ahead log: frames of records, of which swarmkit encrypts the data of entries alone (swarmkit,
``manager/state/raft/storage/walwrap.go``). Term and index, by which raft calls one log newer than another (Ongaro,
*In Search of an Understandable Consensus Algorithm*, 5.4.1), are in clear, also with autolock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENTRY = 2
"""The type of record that holds an entry of the log."""
_BYTES = 2
"""The wire type of fields with a length."""
_PADDED = 0x80
_NAME = re.compile(r"[0-9a-f]{16}-([0-9a-f]{16})\.wal")
_WORD = 8
_LARGEST = 1 << 56
_BITS = 64
"""Of the longest number."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The end of a log; the greater one is newer."""

    term: int
    index: int

    def __str__(self) -> str:
        return f"term {self.term}, index {self.index}"


def end_of_log(name: str, content: bytes) -> Position:
    """Return where a log ends whose newest file has this name and content.

    A half-written last record is left out, as etcd does. A file without an entry has just been begun: the log then ends
    before the index in its name, in a term that is not known.

    Raises:
        ValueError: it is not such a file.
    """
    named = _NAME.fullmatch(name)
    if named is None:
        raise ValueError(f"{name!r} is not the name of a log")
    last = Position(0, max(int(named[1], 16) - 1, 0))
    for record in _records(content):
        fields = dict(_fields(record))
        if fields.get(1) == _ENTRY and isinstance(data := fields.get(3), bytes):
            entry = dict(_fields(data))
            term, index = entry.get(2, 0), entry.get(3, 0)
            if isinstance(term, int) and isinstance(index, int):
                last = Position(term, index)
    return last


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a file up to the zeros that it was made with."""
    place = 0
    while len(content) - place >= _WORD:
        word = int.from_bytes(content[place : place + _WORD], "little")
        size, mark = word % _LARGEST, word // _LARGEST
        place += _WORD
        if not word or size > len(content) - place:
            return
        yield content[place : place + size]
        place += size + (mark % _WORD if mark & _PADDED else 0)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of the fields of a protobuf message that are numbers or bytes.

    Raises:
        ValueError: it is not such a message.
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        value, place = _varint(message, place)
        if key % _WORD == 0:
            yield key // _WORD, value
        elif key % _WORD == _BYTES and value <= len(message) - place:
            yield key // _WORD, message[place : place + value]
            place += value
        else:
            raise ValueError("a record of the log cannot be read")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < _BITS:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < _PADDED:
            return value, place
        shift += 7
    raise ValueError("a number of the log cannot be read")
