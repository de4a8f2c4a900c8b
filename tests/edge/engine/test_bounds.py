"""Whatever an engine sends, and however slowly: each request ends in time, in little memory, as its host's error.

H3 and M14 of the security review, and their siblings.
"""

from __future__ import annotations

import gzip
import json
import struct
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.engine.client import ANSWER_LIMIT
from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.engine.multiplex import Frames
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.errors import EngineError, HostError, HostTimeoutError, UnreachableError
from swarmnet.model.sensitive import SENSITIVE
from tests.support.http_server import Talker, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.http_server import Answer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nApi-Version: 1.45\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PATIENCE = 1.0
MIB = 1024 * 1024


@pytest.fixture
def engine(talker: Talker) -> Iterator[Engine]:
    engine = Engine("m1", talker.open, SystemClock(PATIENCE))
    engine.networks.list()
    yield engine
    engine.close()


@contextmanager
def memory_below(most: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
        assert peak < most
    finally:
        tracemalloc.stop()


def slowly(piece: bytes, head: bytes = b"") -> Callable[[], Iterator[bytes]]:
    """Return an answer that never ends and is never silent for long."""

    def pieces() -> Iterator[bytes]:
        yield head
        while True:
            threading.Event().wait(0.05)
            yield piece

    return pieces


def endless(piece: bytes, head: bytes = CHUNKED) -> Callable[[], Iterator[bytes]]:
    """Return an answer that never ends, as fast as it is taken."""

    def pieces() -> Iterator[bytes]:
        yield head
        while True:
            yield piece

    return pieces


TRICKLES: dict[str, Answer] = {
    "status line": slowly(b"H"),
    "head": slowly(b"X: y\r\n", HEAD),
    "interim answers": slowly(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "chunks": slowly(b"1\r\n \r\n", CHUNKED),
    "plain body": slowly(b" ", HEAD + b"\r\n"),
    "announced body": slowly(b" ", HEAD + b"Content-Length: 99999999\r\n\r\n"),
    "refusal": slowly(b" ", b"HTTP/1.1 500 X\r\n\r\n"),
    "trailers": slowly(b"X: y\r\n", CHUNKED + b"1\r\n1\r\n0\r\n"),
    "many interim answers": endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, b""),
    "many trailers": endless(b"X: y\r\n" * 1000, CHUNKED + b"0\r\n"),
}


def ended(answer: Answer) -> tuple[float, bool]:
    """Return the seconds that a list of networks took, and whether it ended as an error of its host."""
    with Talker(answers={"GET /_ping": [say()]}, answer=answer) as talker:
        engine = Engine("m1", talker.open, SystemClock(PATIENCE))
        began = time.monotonic()
        try:
            engine.networks.list()
        except HostError:
            return time.monotonic() - began, True
        return time.monotonic() - began, False


def test_a_trickle_does_not_prolong_a_request() -> None:
    with ThreadPoolExecutor(len(TRICKLES)) as pool:
        found = dict(zip(TRICKLES, pool.map(ended, TRICKLES.values()), strict=True))
    # A read whose head is broken is asked once more.
    slow = {kind: result for kind, result in found.items() if result[0] > 2 * PATIENCE + 20 or not result[1]}
    assert not slow


def test_a_trickle_is_a_timeout(talker: Talker, engine: Engine) -> None:
    talker.answer = slowly(b"1\r\n \r\n", CHUNKED)
    with pytest.raises(HostTimeoutError, match="did not answer in time to: list networks"):
        engine.networks.list()


def test_a_pull_ends_in_its_time_however_much_progress_it_tells(talker: Talker, engine: Engine) -> None:
    line = b'{"status": "wait"}\n'
    talker.answer = slowly(b"%x\r\n%b\r\n" % (len(line), line), CHUNKED)
    with pytest.raises(HostTimeoutError, match="pull image page:1"):
        engine.pull_image("page:1", timeout=0.5)


FLOODS: dict[str, Answer] = {
    "blanks": endless(b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "one long line": endless(b"10000\r\n" + b"a" * 65536 + b"\r\n"),
    "a plain body": endless(b" " * 65536, HEAD + b"\r\n"),
    "a refusal": endless(b"a" * 65536, b"HTTP/1.1 500 X\r\n\r\n"),
}


@pytest.mark.parametrize("kind", FLOODS)
@pytest.mark.parametrize("ask", ["networks", "pull"])
def test_a_flood_ends_as_an_error_in_little_memory(talker: Talker, kind: str, ask: str) -> None:
    talker.answers["GET /_ping"] = [say()]
    talker.answer = FLOODS[kind]
    engine = Engine("m1", talker.open, SystemClock(20))
    with closing(engine), memory_below(4 * ANSWER_LIMIT), pytest.raises(EngineError, match="too long"):
        engine.networks.list() if ask == "networks" else engine.pull_image("page:1", timeout=20)


def test_short_text_that_becomes_many_objects_is_refused_before_it_is_read(talker: Talker) -> None:
    talker.answer = say("[" + "{}," * (ANSWER_LIMIT // 8) + "{}]")
    with memory_below(4 * ANSWER_LIMIT), pytest.raises(EngineError, match="more than 2,000,000 items"):
        Engine("m1", talker.open, SystemClock(20)).networks.list()


def test_h3_a_list_of_many_short_objects_is_refused_before_they_become_models(talker: Talker) -> None:
    talker.answer = say("[" + ",".join(f'{{"Id":"{number}","Name":"n"}}' for number in range(200_000)) + "]")
    with pytest.raises(EngineError, match="lists more than 100,000 objects"):
        Engine("m1", talker.open, SystemClock(20)).networks.list()


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "deflate", "br", "zstd"])
def test_an_answer_that_is_encoded_is_refused_not_unpacked(talker: Talker, engine: Engine, coding: str) -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 20 * MIB))
    head = HEAD + f"Content-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    talker.answer = head + bomb
    with memory_below(8 * MIB), pytest.raises(EngineError, match="encoded as"):
        engine.networks.list()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 306, 307, 308])
@pytest.mark.parametrize("target", ["/v1.45/info", "http://127.0.0.1:9/", "file:///etc/passwd", "//host/x", ""])
def test_no_answer_leads_anywhere_else(talker: Talker, engine: Engine, status: int, target: str) -> None:
    location = f"Location: {target}\r\n" if target else ""
    talker.answer = f"HTTP/1.1 {status} X\r\n{location}Content-Length: 0\r\n\r\n".encode()
    talker.heard.clear()
    with pytest.raises(EngineError, match=f"points elsewhere .status {status}"):
        engine.networks.list()
    with pytest.raises(EngineError, match=f"{status}"):
        engine.dialogue("box")
    assert len(talker.heard) == 2


def test_starting_a_running_container_does_not_look_like_a_redirect(talker: Talker, engine: Engine) -> None:
    talker.answer = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    talker.heard.clear()
    engine.leave_swarm()
    assert talker.lines == ["POST /v1.45/swarm/leave?force=false HTTP/1.1"]


@pytest.mark.parametrize("body", [json.dumps({"message": "m" * 3_000_000}), "m" * 3_000_000])
@pytest.mark.parametrize("status", [400, 404, 409, 500, 503])
def test_m14_a_long_refusal_is_cut_and_its_rest_counted(talker: Talker, engine: Engine, body: str, status: int) -> None:
    talker.answer = say(body, status=status)
    with pytest.raises(EngineError, match=r"m{300}\.\.\. .2999700 more characters.$") as caught:
        engine.networks.list()
    assert caught.value.status == status


@pytest.mark.parametrize("before", [0, 250, 290, 299, 300])
def test_h8_a_value_that_is_not_shown_is_masked_before_a_refusal_is_cut(
    talker: Talker, engine: Engine, before: int
) -> None:
    value = "canary-0123456789-abcdefghijklmnopqrstuvwxyz"
    SENSITIVE.mark(value)
    talker.answer = say(json.dumps({"message": "m" * before + value}), status=500)
    with pytest.raises(EngineError) as caught:
        engine.networks.list()
    assert "can" not in str(caught.value)


def test_m14_no_host_error_is_long_wherever_it_is_made() -> None:
    error = UnreachableError("m1", "x" * 5_000_000)
    assert len(str(error)) < 1000
    assert error.message.endswith("more characters)")


def frame(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(data)) + data


ATTACH = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"


def test_a_frame_that_announces_gigabytes_is_not_collected(talker: Talker, engine: Engine) -> None:
    talker.answer = endless(b"x" * 65536, ATTACH + struct.pack(">BxxxL", 1, 2**32 - 1))
    with (
        memory_below(80 * MIB),
        closing(engine.dialogue("box")) as dialogue,
        pytest.raises(EngineError, match="too long"),
    ):
        dialogue.hear(20)


def test_a_dialogue_that_trickles_ends_in_its_time(talker: Talker, engine: Engine) -> None:
    talker.answer = slowly(struct.pack(">BxxxL", 1, 1) + b"x", ATTACH)
    with closing(engine.dialogue("box")) as dialogue, pytest.raises(HostTimeoutError):
        dialogue.hear(0.5)


def test_a_dialogue_whose_head_trickles_ends_in_its_time(talker: Talker, engine: Engine) -> None:
    talker.answer = slowly(b"X: y\r\n", b"HTTP/1.1 101 UPGRADED\r\n")
    with pytest.raises(HostError):
        engine.dialogue("box")


@pytest.mark.parametrize("said", [b"\x07\0\0\0\0\0\0\1x", b"\1\1\0\0\0\0\0\1x", b"HTTP/1.1 200 OK\r\n"])
def test_a_malformed_frame_is_this_hosts_error(talker: Talker, engine: Engine, said: bytes) -> None:
    talker.answer = ATTACH + said
    with closing(engine.dialogue("box")) as dialogue, pytest.raises(EngineError, match="no frame begins with"):
        dialogue.hear(1)


def test_of_a_log_the_end_is_kept_in_little_memory(talker: Talker, engine: Engine) -> None:
    printed = b"".join(
        struct.pack(">BxxxL", 1 + number % 2, 65536) + bytes([97 + number % 26]) * 65536 for number in range(300)
    )
    talker.answer = HEAD.replace(b"application/json", b"application/octet-stream") + b"\r\n" + printed
    talker.close_after = True
    with memory_below(8 * MIB):
        log = engine.container_log("box")
    assert log == b"n" * 65536


def test_frames_hold_no_more_than_they_keep() -> None:
    frames = Frames(keep=10)
    frames.feed(frame(1, b"a" * 100) + frame(2, b"b" * 100))
    assert bytes(frames.stdout) == b"a" * 10
    assert bytes(frames.stderr) == b"b" * 10
