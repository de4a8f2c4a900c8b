"""Record what real engines say, for ``test_wire_*``: ``python -m tests.support.record LAB HOST CASE``.

The engine of the lab's host must be outside of a swarm. What differs by run (times, keys, tokens) is kept out or cut.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.cli.wiring import start_inside
from swarmnet.edge.engine.calls import Request
from swarmnet.edge.engine.engine import Engine
from swarmnet.edge.operator.clock import SystemClock
from swarmnet.edge.session import Session
from swarmnet.lab import Lab
from swarmnet.lab.image import make_image
from swarmnet.model.ports import JoinAddress
from swarmnet.model.swarm import SwarmSpec
from swarmnet.parse.inventory import parse_inventory

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue

CASES = Path(__file__).parent / "recorded"
PAUSE = 2.0

COMMANDS = """
docker network create -d overlay --attachable --subnet 10.60.0.0/24 --gateway 10.60.0.9 --ip-range \\
  10.60.0.128/25 --opt encrypted --opt com.docker.network.driver.mtu=1400 --label tier=front front
docker network create -d overlay --internal back
docker network create -d overlay --subnet 10.60.0.0/25 overlapping
docker network create -d bridge --subnet 10.61.0.0/24 --gateway 10.61.0.1 --aux-address nas=10.61.0.5 \\
  --ip-range 10.61.0.128/25 --opt com.docker.network.bridge.name=br-sn --ipv6 --subnet fd00:61::/64 local
docker network create --config-only --subnet 10.62.0.0/24 -o parent=eth0 template
docker network create -d macvlan --scope swarm --config-from template --attachable swarm-macvlan
printf data | docker config create --label c=1 conf -
printf data | docker secret create --label s=1 sec -
docker service create -d --name plain --no-resolve-image IMAGE sleep 600
docker service create -d --name full --no-resolve-image --network name=front,alias=www --replicas 2 --publish \\
  published=8080,target=80 --publish published=5353,target=53,protocol=udp,mode=host --env A=1 --env B=x=y \\
  --label l=v --container-label cl=v --constraint node.role==manager --placement-pref spread=node.labels.zone \\
  --replicas-max-per-node 2 --limit-cpu 0.5 --limit-memory 64M --reserve-memory 16M --update-parallelism 2 \\
  --update-delay 3s --update-order start-first --rollback-monitor 7s --restart-condition on-failure \\
  --restart-max-attempts 3 --restart-window 90s --config source=conf,target=/etc/conf,mode=0400 --secret \\
  source=sec,target=sec,uid=5 --hostname h --user nobody --workdir /tmp --stop-grace-period 1m30s --stop-signal \\
  SIGINT --mount type=tmpfs,destination=/scratch --health-cmd true --health-interval 10s --log-driver json-file \\
  --dns 10.0.0.53 --ulimit nofile=10:20 --entrypoint sleep IMAGE 600
docker service create -d --name everywhere --no-resolve-image --mode global --endpoint-mode dnsrr --network \\
  back IMAGE sleep 600
docker service create -d --name job --no-resolve-image --mode replicated-job --replicas 2 IMAGE true
docker service create -d --name hosted --no-resolve-image --network host IMAGE sleep 600
docker run -d --name standalone --network local --ip 10.61.0.77 --network-alias box IMAGE sleep 600
docker run -d --name attached --network front --ip 10.60.0.200 IMAGE sleep 600
"""

READS = {
    "info": "/info",
    "swarm": "/swarm",
    "nodes": "/nodes",
    "networks": "/networks",
    "services": "/services",
    "tasks": '/tasks?filters={"runtime":["container","attachment"]}',
    "configs": "/configs",
    "secrets": "/secrets",
    "containers": "/containers/json?all=1",
    "standalone": "/containers/standalone/json",
    "hidden": "/networks/host?scope=swarm",
}
INFO = (
    "ID", "Name", "ServerVersion", "KernelVersion", "OperatingSystem", "Architecture", "Labels", "LiveRestoreEnabled",
    "Swarm",
)  # fmt: skip


class RecordingEngine(Engine):
    """An engine whose answers are kept as they are."""

    def answer(self, path: str) -> JsonValue:
        return self.send(Request(path, "GET", path))


def record(lab_name: str, host: str, case: str) -> None:
    lab = Lab.open(lab_name)
    make_image(lab, "swarmnet-test:1")
    path = lab.inventory
    inventory = parse_inventory(path.read_bytes(), name=str(path), folder=path.parent).inventory
    with Session(
        inventory, lambda host, open_stream: RecordingEngine(host, open_stream, SystemClock()), start_inside
    ) as session:
        engine = session.engine(host)
        assert isinstance(engine, RecordingEngine)
        engine.init_swarm(SwarmSpec(), JoinAddress(str(lab.host(host).address)))
        for line in COMMANDS.replace("IMAGE", "swarmnet-test:1").replace("\\\n", "").strip().splitlines():
            done = lab.exec(host, ["sh", "-c", line])
            if done.exit_code:
                print(f"{line}\n  {done.last_words()}")  # noqa: T201  # a tool for people
        SystemClock().sleep(PAUSE)
        (CASES / f"{case}.json").write_text(json.dumps(_read(engine), indent=1, sort_keys=True) + "\n")
        engine.leave_swarm(force=True)


def _read(engine: RecordingEngine) -> dict[str, JsonValue]:
    seen = {name: engine.answer(path) for name, path in READS.items()}
    info, swarm = seen["info"], seen["swarm"]
    assert isinstance(info, dict)
    assert isinstance(swarm, dict)
    seen["info"] = {**{key: info[key] for key in INFO}, "KernelVersion": "6.1.0"}
    swarm["JoinTokens"] = {}
    for service in seen["services"] if isinstance(seen["services"], list) else []:
        if isinstance(service, dict):
            service.pop("PreviousSpec", None)
    return seen


if __name__ == "__main__":
    record(*sys.argv[1:])
