"""How lines travel to a program in a container and back, however the stream cuts them."""

from __future__ import annotations

import struct
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.engine.multiplex import Frames
from swarmnet.errors import EngineError, HostTimeoutError, NotFoundError, UnreachableError
from tests.support.http_server import HANG, HANG_UP, Talker, say

if TYPE_CHECKING:
    from swarmnet.edge.engine.engine import Engine

ATTACH = "POST /v1.45/containers/box/attach?stream=1&stdin=1&stdout=1&stderr=1"
SWITCHED = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"


def frame(data: bytes, kind: int = 1) -> bytes:
    return struct.pack(">BxxxL", kind, len(data)) + data


def test_what_came_with_the_engines_answer_is_not_lost(talker: Talker, engine: Engine) -> None:
    talker.answers[ATTACH] = [SWITCHED + frame(b"one\ntw") + frame(b"o\n")]
    with closing(engine.dialogue("box")) as dialogue:
        assert [dialogue.hear(1), dialogue.hear(1)] == [b"one", b"two"]


def test_a_line_that_is_said_arrives_as_it_is(talker: Talker, engine: Engine) -> None:
    talker.answers[ATTACH] = [SWITCHED]
    talker.answers["what is"] = [frame(b"done\n")]
    with closing(engine.dialogue("box")) as dialogue:
        dialogue.say(b"what is it\n")  # the talker waits for an empty line
        assert dialogue.hear(1) == b"done"
    assert talker.lines[-1] == "what is it"


def test_a_program_that_says_nothing_is_a_timeout(talker: Talker, engine: Engine) -> None:
    talker.answers[ATTACH] = [SWITCHED + frame(b"half a line")]
    with closing(engine.dialogue("box")) as dialogue, pytest.raises(HostTimeoutError, match="talk with container box"):
        dialogue.hear(0.1)


def test_a_program_that_ended_is_reported_with_its_last_words(talker: Talker, engine: Engine) -> None:
    talker.answers[ATTACH] = [SWITCHED + frame(b"Traceback\nout of memory\n", 2)]
    talker.close_after = True
    with closing(engine.dialogue("box")) as dialogue, pytest.raises(EngineError, match=r"it ended: out of memory$"):
        dialogue.hear(1)


def test_a_container_that_is_gone_is_not_found(talker: Talker, engine: Engine) -> None:
    talker.answers[ATTACH] = [say('{"message": "No such container: box"}', status=404)]
    with pytest.raises(NotFoundError, match="No such container: box"):
        engine.dialogue("box")


@pytest.mark.parametrize("answer", [HANG_UP, b"nonsense\r\n\r\n"])
def test_an_engine_that_does_not_speak_http_breaks_the_connection(
    talker: Talker, engine: Engine, answer: bytes
) -> None:
    talker.answers[ATTACH] = [answer]
    with pytest.raises(UnreachableError, match="talk with container box"):
        engine.dialogue("box")


def test_letting_go_twice_is_fine_and_closes_the_stream(talker: Talker, engine: Engine) -> None:
    talker.answers[ATTACH] = [SWITCHED, HANG]
    dialogue = engine.dialogue("box")
    dialogue.close()
    dialogue.close()
    with pytest.raises(UnreachableError):
        dialogue.say(b"still there?")


@given(st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"")), max_size=8), st.data())
def test_lines_come_out_as_they_went_in_however_frames_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    text = b"".join(line + b"\n" for line in lines)
    sizes = data.draw(st.lists(st.integers(1, 30), max_size=10))
    wire, rest = b"", text
    for size in [*sizes, len(text)]:
        wire, rest = wire + frame(rest[:size]), rest[size:]
    cut = data.draw(st.integers(0, len(wire)))
    frames = Frames(1 << 20)
    frames.feed(wire[:cut])
    frames.feed(wire[cut:])
    assert frames.lines == len(lines)
    assert [frames.take_line() for _ in lines] == lines
    assert frames.lines == 0
