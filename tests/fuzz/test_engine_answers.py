"""Whatever an engine answers, each call returns, or raises an error that is typed, short, and of this host (H4)."""

from __future__ import annotations

import inspect
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.engine.calls import EngineCalls, EnginePart
from swarmnet.edge.engine.engine import Engine
from swarmnet.model.base import Secret
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.hosts import Role
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.plain_container import PlainContainer, PlainLimits
from swarmnet.model.ports import ContainerSpec, JoinAddress
from swarmnet.model.service import Attachment, FileReference, ServiceSpec
from swarmnet.model.state import Endpoint
from swarmnet.model.swarm import ConfigSpec, NewSecret, NodeSpec, Rotation, SecretSpec, SwarmSpec
from swarmnet.model.volume import VolumeSpec
from tests.simulator import SimulatedClock
from tests.support.hostile import FEW, body, check, raw
from tests.support.recorded import objects, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import JsonObject, JsonValue

VERSION = "28.5"
SWARM: JsonObject = {**recorded(VERSION)["swarm"], "JoinTokens": {"Worker": "SWMTKN-1-w", "Manager": "SWMTKN-1-m"}}  # type: ignore[dict-item]
SERVICE = objects(VERSION, "services")[0]
ME = JoinAddress(advertise="192.0.2.1")
WEB = ServiceSpec(
    name="web",
    image="web:1",
    networks=(Attachment(network="front"),),
    configs=(FileReference(source="conf", target="/conf"),),
    secrets=(FileReference(source="sec", target="sec"),),
)
BOX_SPEC = PlainContainer(name="box", image="box:1", restart="always", limits=PlainLimits(memory=64 << 20))
FRONT = (Network(id="n", spec=NetworkSpec(name="front", driver="overlay")),)
BOX = ContainerSpec("box", "box:1", ("a", "b"), {}, (Endpoint(network="front"), Endpoint(network="back")))


def _asked(engine: Engine) -> bytes:
    with closing(engine.dialogue("box")) as dialogue:
        dialogue.say(b"who?")
        return dialogue.hear(1)


CALLS: dict[str, Callable[[Engine], object]] = {
    "configs.create": lambda engine: engine.configs.create(ConfigSpec(name="c", data=b"x")),
    "configs.list": lambda engine: engine.configs.list(),
    "configs.remove": lambda engine: engine.configs.remove("c"),
    "configs.update_labels": lambda engine: engine.configs.update_labels("c", 11, {"a": "b"}),
    "connect_container": lambda engine: engine.connect_container("box", EndpointSpec(network="front", aliases=("b",))),
    "container_log": lambda engine: engine.container_log("box"),
    "containers": lambda engine: engine.containers(label="a=b"),
    "dialogue": _asked,
    "disconnect_container": lambda engine: engine.disconnect_container("box", "front"),
    "facts": lambda engine: engine.facts(),
    "has_image": lambda engine: engine.has_image("web:1"),
    "image": lambda engine: engine.image("web:1"),
    "image_platforms": lambda engine: engine.image_platforms("web:1"),
    "recover_swarm": lambda engine: engine.recover_swarm(ME),
    "init_swarm": lambda engine: engine.init_swarm(SwarmSpec(), ME),
    "join_swarm": lambda engine: engine.join_swarm(ME, remote="192.0.2.2:2377", token=Secret("t")),
    "rotate": lambda engine: engine.rotate(Rotation.CA),
    "service_log": lambda engine: engine.service_log("web"),
    "services.log": lambda engine: engine.services.log("web", tail=9),
    "join_token": lambda engine: engine.join_token(Role.WORKER),
    "leave_swarm": lambda engine: engine.leave_swarm(force=True),
    "load_image": lambda engine: engine.load_image(b"x"),
    "data_path": lambda engine: engine.data_path(FRONT),
    "networks.data_path": lambda engine: engine.networks.data_path(FRONT),
    "networks.create": lambda engine: engine.networks.create(NetworkSpec(name="n")),
    "networks.ids": lambda engine: engine.networks.ids(),
    "networks.list": lambda engine: engine.networks.list(),
    "networks.names_of": lambda engine: engine.networks.names_of(["a"]),
    "networks.remove": lambda engine: engine.networks.remove("n"),
    "nodes.list": lambda engine: engine.nodes.list(),
    "nodes.remove": lambda engine: engine.nodes.remove("n", force=True),
    "nodes.update": lambda engine: engine.nodes.update("n", 1, NodeSpec(role=Role.WORKER)),
    "plain.create": lambda engine: engine.plain.create("box", BOX_SPEC, (EndpointSpec(network="front"),)),
    "plain.made": lambda engine: engine.plain.made("box"),
    "plain.remove": lambda engine: engine.plain.remove("box"),
    "plain.rename": lambda engine: engine.plain.rename("box", "other"),
    "plain.start": lambda engine: engine.plain.start("box"),
    "plain.stop": lambda engine: engine.plain.stop("box", 1.0),
    "plain.update": lambda engine: engine.plain.update("box", BOX_SPEC),
    "pull_image": lambda engine: engine.pull_image("web:1"),
    "remove_container": lambda engine: engine.remove_container("c"),
    "remove_image": lambda engine: engine.remove_image("web:1"),
    "secrets.create": lambda engine: engine.secrets.create(NewSecret(SecretSpec(name="s"), Secret("x"))),
    "secrets.list": lambda engine: engine.secrets.list(),
    "secrets.remove": lambda engine: engine.secrets.remove("s"),
    "secrets.update_labels": lambda engine: engine.secrets.update_labels("s", 1, {"a": "b"}),
    "services.create": lambda engine: engine.services.create(WEB),
    "services.list": lambda engine: engine.services.list(),
    "services.remove": lambda engine: engine.services.remove("s"),
    "services.tasks": lambda engine: engine.services.tasks(service="web"),
    "services.update": lambda engine: engine.services.update("s", 1, WEB),
    "start_container": lambda engine: engine.start_container(BOX),
    "swarm": lambda engine: engine.swarm(),
    "tag_image": lambda engine: engine.tag_image("sha256:1", "web:1"),
    "tasks": lambda engine: engine.tasks(network="front"),
    "unlock_key": lambda engine: engine.unlock_key(),
    "unlock_swarm": lambda engine: engine.unlock_swarm(Secret("k")),
    "update_swarm": lambda engine: engine.update_swarm(10, SwarmSpec(task_history=2)),
    "volumes.create": lambda engine: engine.volumes.create(VolumeSpec(name="data")),
    "volumes.list": lambda engine: engine.volumes.list(),
    "volumes.sizes": lambda engine: engine.volumes.sizes(),
    "volumes.remove": lambda engine: engine.volumes.remove("data"),
}
"""Every call of an engine."""


OBJECTS = ("services", "nodes", "configs")
LISTS = ("networks", "services", "tasks", "nodes", "configs", "secrets")
USUAL: dict[str, JsonValue] = {
    "GET /info": recorded(VERSION)["info"],
    "GET /swarm/unlockkey": {"UnlockKey": "SWMKEY-1-x"},
    "GET /swarm": SWARM,
    "GET /containers/json": recorded(VERSION)["containers"],
    "GET /containers/": recorded(VERSION)["standalone"],
    "GET /networks/": recorded(VERSION)["hidden"],
    **{f"GET /{kind}/": {**objects(VERSION, kind)[0], "Version": {"Index": 1}} for kind in OBJECTS},
    **{f"GET /{kind}": recorded(VERSION)[kind] for kind in LISTS},
    "": {"Id": "made", "ID": "made"},
}
"""How requests begin, and what an engine answers to them as a rule."""


ATTACH = "attach"
PONG = b"HTTP/1.1 200 OK\r\nApi-Version: 1.55\r\nContent-Length: 0\r\n\r\n"


@st.composite
def answers(draw: st.DrawFn, start: str) -> bytes:
    """Draw an answer to requests that begin so."""
    if start == ATTACH:
        return b"HTTP/1.1 101 UPGRADED\r\n\r\n" + draw(raw)
    said = draw(body(USUAL[start]))
    status = draw(st.sampled_from([200, 200, 200, 200, 200, 200, 404, 409, 500, 503, 204, 999]))
    kind = draw(st.sampled_from(["application/json", "application/json", "text/plain; charset=utf-7", ""]))
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said


ALL = st.fixed_dictionaries({start: answers(start) for start in (*USUAL, ATTACH)})
"""Answers to all requests, drawn before any is sent: threads ask in an order of their own."""


class Hostile:
    """A stream that answers by how a request begins; the same each time, so that a repeated look sees the same."""

    def __init__(self, answer: Callable[[str], bytes]) -> None:
        self._answer = answer
        self._said: dict[str, bytes] = {}
        self._heard = bytearray()
        self._waiting = bytearray()
        self._ended = False

    def sendall(self, data: bytes, /) -> None:
        self._heard += data
        head, end, rest = self._heard.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        if end and len(rest) >= length:
            self._heard.clear()
            line = head.partition(b"\r\n")[0].rpartition(b" ")[0].decode()
            self._waiting += PONG if line == "GET /_ping" else self._first(line)

    def _first(self, line: str) -> bytes:
        asked = line.replace("/v1.51", "", 1).replace("/v1.55", "", 1)
        start = ATTACH if "/attach?" in line else next(start for start in USUAL if asked.startswith(start))
        if line not in self._said:
            self._said[line] = self._answer(start)
        return self._said[line]

    def recv(self, size: int, /) -> bytes:
        data = bytes(self._waiting[:size])
        del self._waiting[:size]
        if not data and not self._ended:
            self._ended = True
            raise TimeoutError
        return data

    def settimeout(self, seconds: float | None, /) -> None:
        self._ended = seconds != 0.0

    def close(self) -> None:
        self._waiting.clear()


def test_every_call_is_tried() -> None:
    engine = Engine("m1", lambda: Hostile(lambda _: b""), SimulatedClock())
    parts = {"": engine} | {f"{name}.": part for name, part in vars(engine).items() if isinstance(part, EnginePart)}
    public = {prefix + name for prefix, part in parts.items() for name in _methods(part)}
    assert set(CALLS) == public - _methods(EngineCalls) - {"close"}


def _methods(part: object) -> set[str]:
    own = part if inspect.isclass(part) else type(part)
    return {name for name, _ in inspect.getmembers(own, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize("name", CALLS)
@FEW
@given(st.data())
def test_h4_a_strange_answer_is_this_hosts_error_or_none(name: str, data: st.DataObject) -> None:
    engine = Engine("m1", lambda: Hostile(lambda start: data.draw(answers(start))), SimulatedClock())
    check("m1", lambda: CALLS[name](engine))


HEADS = ("HTTP/1.1 200 OK", "HTTP/1.1 101 X", "HTTP/0.9", "ICY 200", "HTTP/1.1 9 x", "HTTP/1.1 -1 x", "")


@FEW
@given(st.sampled_from(HEADS), raw, raw)
def test_h4_a_strange_head_is_this_hosts_error_or_none(first: str, head: bytes, said: bytes) -> None:
    answer = first.encode() + b"\r\n" + head + b"\r\n\r\n" + said
    engine = Engine("m1", lambda: Hostile(lambda _: answer), SimulatedClock())
    for ask in (engine.networks.list, engine.facts, lambda: _asked(engine)):
        check("m1", ask)
