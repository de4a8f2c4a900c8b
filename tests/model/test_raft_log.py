"""Where a manager's log ends: on a file that an engine wrote, on made ones, and on anything else."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.raft_log import Position, end_of_log

NAME = "0000000000000000-0000000000000000.wal"
WRITTEN = (Path(__file__).parent / "golden" / NAME).read_bytes()
"""The first 6000 bytes of the log of an engine 26.1."""
positions = st.lists(st.builds(Position, st.integers(0, 2**40), st.integers(0, 2**40)), max_size=5)


def varint(value: int) -> bytes:
    head, rest = value % 128, value // 128
    return bytes([head | 128]) + varint(rest) if rest else bytes([head])


def framed(kind: int, data: bytes) -> bytes:
    """Return a record as etcd writes it: its length with the number of bytes that fill it up to a word."""
    record = b"\x08" + varint(kind) + b"\x10" + varint(7) + b"\x1a" + varint(len(data)) + data
    padding = -len(record) % 8
    word = len(record) | ((0x80 | padding) << 56 if padding else 0)
    return word.to_bytes(8, "little") + record + bytes(padding)


def entry(end: Position) -> bytes:
    text = b"encrypted"
    return framed(2, b"\x08\x00\x10" + varint(end.term) + b"\x18" + varint(end.index) + b"\x22\x09" + text)


def test_the_log_of_an_engine_is_read() -> None:
    ends = [end_of_log(NAME, WRITTEN[:size]) for size in range(len(WRITTEN) + 1)]
    assert ends == sorted(ends), "it only grows"
    assert (ends[0], ends[-1]) == (Position(0, 0), Position(2, 9))


@given(positions)
def test_the_last_entry_is_the_end(ends: list[Position]) -> None:
    other = framed(3, b"\x08\x05\x10\x01\x18\x02")
    content = framed(4, b"") + other.join(entry(one) for one in ends) + bytes(64)
    assert end_of_log(NAME, content) == (ends[-1] if ends else Position(0, 0))


def test_a_file_that_was_just_begun_ends_before_its_index() -> None:
    assert end_of_log("0000000000000003-00000000000000ff.wal", framed(4, b"")) == Position(0, 0xFE)


def test_a_newer_term_wins_over_a_longer_log() -> None:
    assert Position(3, 7) > Position(2, 9000)


@given(st.binary(max_size=200))
def test_anything_else_is_refused_or_has_an_end(content: bytes) -> None:
    with suppress(ValueError):
        assert end_of_log(NAME, content) >= Position(0, 0)


@pytest.mark.parametrize("name", ["", "0.tmp", f"../{NAME}", NAME.upper()])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a log"):
        end_of_log(name, WRITTEN)
