"""How often an observation asks an engine: on small clusters, round trips are what a command waits for.

Counted at the sockets, over engines that answer from recordings. What ``make bench`` compares with asks each host for
its facts and networks, and one manager for six lists; what is asked beyond that has its reason here.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.engine.wire.parts import as_object, as_text
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.model.events import ignore
from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.workflows.fleet.observe import observe
from tests.simulator import World
from tests.simulator.world import SimulatedPorts
from tests.support.http_server import Talker, say
from tests.support.recorded import VERSIONS, recorded

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.ports import EnginePort
    from tests.support.http_server import Answer

ONCE = ("_ping", "configs", "info", "nodes", "secrets", "services", "tasks")
TWICE = ("networks", "swarm")
"""The host's own networks and the swarm's; the swarm before and after that list, which may be cut (whole_list.py)."""


TASKS = urlencode({"filters": '{"runtime": ["container", "attachment"]}'})


class RecordedPorts(SimulatedPorts):
    """One simulated host, whose engine is a real client of a recording."""

    engine_port: EnginePort

    def engine(self, host: str) -> EnginePort:  # type: ignore[override]  # a real engine instead of a simulated one
        assert host == "m1"
        return self.engine_port


def answers(seen: JsonObject, api: str) -> dict[str, list[Answer]]:
    """Return what the recorded engine answers, as often as it is asked."""
    listed = {f"GET /v{api}/{kind}": seen[kind] for kind in ("info", "networks", *TWICE, *ONCE[1:])}
    listed[f"GET /v{api}/tasks?{TASKS}"] = seen["tasks"]
    listed[f"GET /v{api}/networks/host?scope=swarm"] = seen["hidden"]
    texts = {line: json.dumps(value) for line, value in listed.items()}
    return {line: [say(text, api=api)] * 9 for line, text in texts.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_an_observation_of_one_manager_asks_each_question_once(version: str) -> None:
    seen = recorded(version)
    address = as_text(as_object(as_object(seen["info"])["Swarm"])["NodeAddr"])
    inventory = Inventory(cluster="c", hosts=(Host(name="m1", address=address, role=Role.MANAGER),))
    world = World(inventory=inventory)
    with Talker(answer=say("{}", status=404)) as talker:
        talker.answers = {"GET /_ping": [say("OK", api="1.41")], **answers(seen, "1.41")}
        ports = RecordedPorts(world, inventory, ignore)
        ports.engine_port = Engine("m1", talker.open, SystemClock(5))
        state = observe(ports)
    assert state.services
    counted = Counter(line.split()[1].partition("?")[0].removeprefix("/v1.41").strip("/") for line in talker.lines)
    hidden = dict.fromkeys(("networks/host", "networks/bridge"), 1)  # a service is on the network of its hosts
    assert counted == dict.fromkeys(ONCE, 1) | dict.fromkeys(TWICE, 2) | hidden
