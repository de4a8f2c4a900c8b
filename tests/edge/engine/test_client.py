"""How requests travel: few streams, kept alive, never sent twice by mistake, nothing of this machine in them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.engine.client import CONNECTIONS
from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.errors import (
    ConflictError,
    EngineError,
    EngineTimeoutError,
    HostTimeoutError,
    NotAManagerError,
    NotAttachedError,
    NotFoundError,
    StateChangedError,
    UnreachableError,
)
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.state import Endpoint
from tests.support.http_server import HANG, HANG_UP, Talker, say
from tests.support.waiting import soon

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from swarmnet.edge.engine.client import StreamLike

MAKE, START = "POST /v1.45/containers/create?name=box", "POST /v1.45/containers/box/start"
PULL = "POST /v1.45/images/create?fromImage=page&tag=1"


def test_nothing_is_opened_before_the_first_request(talker: Talker, engine: Engine) -> None:
    assert engine.host == "m1"
    assert talker.opened == 0


def test_requests_follow_each_other_on_one_stream(talker: Talker, engine: Engine) -> None:
    for _ in range(5):
        engine.networks.list()
    assert talker.opened == 1
    assert talker.lines[0] == "GET /_ping HTTP/1.1"
    assert talker.lines[1:] == ["GET /v1.45/networks HTTP/1.1"] * 5


def test_threads_that_wait_for_the_first_answer_of_a_frozen_engine_wait_for_it_once(talker: Talker) -> None:
    talker.answers["GET /_ping"] = [HANG, HANG]
    frozen = Engine("m1", talker.open, SystemClock(1.0))
    with ThreadPoolExecutor(2) as pool:
        asked: list[Future[object]] = [pool.submit(frozen.networks.list), pool.submit(frozen.facts)]
        assert {type(future.exception()) for future in asked} == {EngineTimeoutError}
    assert [line for line in talker.lines if "_ping" in line] == ["GET /_ping HTTP/1.1"]
    frozen.close()


def test_many_threads_share_a_few_streams_and_wait_for_them(talker: Talker, engine: Engine) -> None:
    engine.networks.list()
    talker.hold = Event()
    with ThreadPoolExecutor(12) as pool:
        # Not engine.networks: threads that want that list at the same time share one request.
        asked = [pool.submit(engine.containers) for _ in range(12)]
        assert soon(lambda: talker.opened >= CONNECTIONS, every=0.01)
        talker.hold.set()
        assert [future.result(timeout=120) for future in asked] == [()] * 12
    assert talker.opened == CONNECTIONS


def test_an_idle_stream_that_died_is_replaced_before_a_write_is_sent(talker: Talker, engine: Engine) -> None:
    engine.networks.list()
    talker.hang_up()
    engine.networks.remove("n")
    assert talker.lines.count("DELETE /v1.45/networks/n HTTP/1.1") == 1
    assert talker.opened == 2


def test_a_read_whose_stream_dies_is_asked_once_more(talker: Talker, engine: Engine) -> None:
    talker.answers["GET /v1.45/networks"] = [HANG_UP]
    assert engine.networks.list() == ()
    assert talker.lines.count("GET /v1.45/networks HTTP/1.1") == 2


def test_a_read_whose_stream_dies_twice_is_given_up(talker: Talker, engine: Engine) -> None:
    talker.answers["GET /v1.45/networks"] = [HANG_UP, HANG_UP, HANG_UP]
    with pytest.raises(UnreachableError):
        engine.networks.list()
    assert talker.lines.count("GET /v1.45/networks HTTP/1.1") == 2


def test_a_write_whose_stream_dies_is_never_sent_again(talker: Talker, engine: Engine) -> None:
    talker.answers["POST /v1.45/swarm/leave?force=false"] = [HANG_UP]
    with pytest.raises(UnreachableError, match=r"leave the swarm: Remote end closed connection without response$"):
        engine.leave_swarm()
    assert talker.lines.count("POST /v1.45/swarm/leave?force=false HTTP/1.1") == 1


def test_a_node_that_still_stops_is_waited_for_by_asking_again(talker: Talker, engine: Engine) -> None:
    leave, said = "POST /v1.45/swarm/leave?force=true", b'{"message": "context deadline exceeded"}'
    gave_up = b"HTTP/1.1 503 X\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)
    talker.answers[leave] = [gave_up] * 2

    engine.leave_swarm(force=True)

    assert talker.lines.count(f"{leave} HTTP/1.1") == 3


def test_a_node_that_does_not_stop_at_all_is_an_error(talker: Talker, engine: Engine) -> None:
    leave, said = "POST /v1.45/swarm/leave?force=true", b'{"message": "context deadline exceeded"}'
    talker.answers[leave] = [b"HTTP/1.1 503 X\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)] * 9

    with pytest.raises(EngineError, match="leave the swarm: context deadline exceeded"):
        engine.leave_swarm(force=True)


def test_a_write_that_gets_no_answer_is_a_timeout_and_not_sent_again(talker: Talker, engine: Engine) -> None:
    talker.answers[PULL] = [HANG]
    with pytest.raises(HostTimeoutError) as caught:
        engine.pull_image("page:1", timeout=0.2)
    assert "pull image page:1" in caught.value.message
    assert soon(lambda: f"{PULL} HTTP/1.1" in talker.lines)
    assert talker.lines.count(f"{PULL} HTTP/1.1") == 1


def test_a_container_runs_on_its_first_network_before_it_is_connected_to_the_others(talker: Talker) -> None:
    """A worker of 25 and later that joins another one first refuses the start: it does not know the first one yet."""
    engine = Engine("m1", talker.open, SystemClock(10.0))
    talker.answers |= {MAKE: [say('{"Id": "box"}', status=201)], START: [say("", status=204)]}
    networks = tuple(Endpoint(network=name) for name in ("one", "two", "three"))

    assert engine.start_container(ContainerSpec("box", "page:1", ("serve",), {}, networks)) == "box"

    joins = [f"POST /v1.45/networks/{name}/connect" for name in ("two", "three")]
    assert talker.lines[1:] == [f"{line} HTTP/1.1" for line in (MAKE, START, *joins)]
    engine.close()


def test_an_answer_that_stops_in_the_middle_is_a_timeout(talker: Talker, engine: Engine) -> None:
    talker.answers[PULL] = [b'HTTP/1.1 200 OK\r\n\r\n{"status": "Pulling fs layer"}\n{"sta']
    with pytest.raises(HostTimeoutError):
        engine.pull_image("page:1", timeout=0.2)


def test_what_the_opener_says_passes_unchanged() -> None:
    def refuse() -> StreamLike:
        raise UnreachableError("m1", "no route to host")

    with pytest.raises(UnreachableError, match="no route to host"):
        Engine("m1", refuse, SystemClock()).networks.list()


def test_a_later_try_connects_again_after_a_failed_one(talker: Talker) -> None:
    failures = [UnreachableError("m1", "not yet")]

    def open_stream() -> StreamLike:
        if failures:
            raise failures.pop()
        return talker.open()

    engine = Engine("m1", open_stream, SystemClock())
    with pytest.raises(UnreachableError):
        engine.networks.list()
    assert engine.networks.list() == ()


def test_nothing_of_the_environment_reaches_the_engine(
    talker: Talker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auths = {"auths": {"https://index.docker.io/v1/": {"auth": "Y2FuYXJ5OmNhbmFyeQ=="}}}
    config = {**auths, "HttpHeaders": {"X-Canary": "1"}, "proxies": {"default": {"httpProxy": "http://canary"}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "DOCKER_HOST"):
        monkeypatch.setenv(name, "http://canary:1")
    engine = Engine("m1", talker.open, SystemClock())
    engine.networks.list()
    engine.pull_image("canary-free:1")
    sent = [f"{request.line} {request.headers} {request.body!r}".lower() for request in talker.heard]
    assert not [text for text in sent if "x-canary" in text or "x-registry" in text or "authorization" in text]


@pytest.mark.parametrize(
    ("served", "spoken"),
    [("1.41", "1.41"), ("1.45", "1.45"), ("1.51", "1.51"), ("1.52", "1.52"), ("1.55", "1.55"), ("1.56", "1.55")],
)
def test_the_newest_version_that_both_sides_know_is_spoken(talker: Talker, served: str, spoken: str) -> None:
    talker.answer = say("[]", api=served)
    engine = Engine("m1", talker.open, SystemClock())
    engine.networks.list()
    engine.networks.list()
    assert talker.lines[1:] == [f"GET /v{spoken}/networks HTTP/1.1"] * 2


@pytest.mark.parametrize("served", ["1.40", "1.9", "", "new"])
def test_an_engine_that_is_too_old_or_mute_is_refused(talker: Talker, served: str) -> None:
    talker.answer = say("[]", api=served)
    with pytest.raises(EngineError, match="API") as caught:
        Engine("m1", talker.open, SystemClock()).networks.list()
    assert caught.value.hint


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (404, "network x not found", NotFoundError),
        (404, "rpc error: code = NotFound desc = node x not found", NotFoundError),
        (409, "network with name x already exists", ConflictError),
        (403, "error while removing network: network x has active endpoints", ConflictError),
        (400, "rpc error: code = FailedPrecondition desc = network x is in use by task y", ConflictError),
        (
            400,
            "rpc error: code = InvalidArgument desc = config 'c' is in use by the following service: s",
            ConflictError,
        ),
        (500, "rpc error: code = Unknown desc = update out of sequence", StateChangedError),
        (503, "This node is not a swarm manager. Use docker swarm init", NotAManagerError),
        (503, "Swarm is encrypted and needs to be unlocked before it can be used.", NotAManagerError),
        (500, "rpc error: code = Unknown desc = The swarm does not have a leader.", NotAManagerError),
        (503, "This node is already part of a swarm.", NotAManagerError),
        (503, "The swarm is not ready", NotAManagerError),
        (500, "raft: failed to process the request: node lost leader status", NotAManagerError),
        (500, "rpc error: code = DeadlineExceeded desc = context deadline exceeded", NotAManagerError),
        (500, "attaching to network failed, make sure your ...: context deadline exceeded", NotAttachedError),
        (
            500,
            "failed to set up container networking: Could not attach to network x: context deadline exceeded",
            NotAttachedError,
        ),
        (
            403,
            "Could not attach to network x: rpc error: code = PermissionDenied desc = x not manually attachable",
            EngineError,
        ),
        (400, "invalid mount config", EngineError),
        (500, "", EngineError),
    ],
)
def test_what_the_engine_refuses_has_a_kind(
    talker: Talker, engine: Engine, status: int, said: str, kind: type[EngineError]
) -> None:
    talker.answers["DELETE /v1.45/networks/x"] = [say(json.dumps({"message": said}), status=status)]
    with pytest.raises(EngineError) as caught:
        engine.networks.remove("x")
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert str(caught.value).startswith("m1: remove network x: ")


def test_an_answer_without_json_is_an_engine_error(talker: Talker, engine: Engine) -> None:
    talker.answer = say("<html>")
    with pytest.raises(EngineError, match="makes no sense"):
        engine.networks.list()


def test_names_cannot_leave_their_part_of_a_path(talker: Talker, engine: Engine) -> None:
    engine.networks.remove("../containers/x?force=1")
    assert talker.lines[-1] == "DELETE /v1.45/networks/..%2Fcontainers%2Fx%3Fforce%3D1 HTTP/1.1"


@pytest.mark.parametrize(
    ("reference", "query"),
    [
        ("web", "fromImage=web&tag=latest"),
        ("web:2", "fromImage=web&tag=2"),
        ("r.example:5000/a/web", "fromImage=r.example%3A5000%2Fa%2Fweb&tag=latest"),
        ("r.example:5000/web@sha256:ab", "fromImage=r.example%3A5000%2Fweb&tag=sha256%3Aab"),
    ],
)
def test_one_image_is_pulled_never_all_its_tags(talker: Talker, engine: Engine, reference: str, query: str) -> None:
    talker.answer = say("")
    engine.pull_image(reference)
    assert talker.lines[-1] == f"POST /v1.45/images/create?{query} HTTP/1.1"


def test_an_error_in_the_middle_of_a_pull_is_raised(talker: Talker, engine: Engine) -> None:
    lines = '{"status": "Pulling"}\n{"error": "manifest for web:1 not found"}\n'
    talker.answers["POST /v1.45/images/create?fromImage=web&tag=1"] = [say(lines)]
    with pytest.raises(NotFoundError):
        engine.pull_image("web:1")
