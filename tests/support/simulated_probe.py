"""A probe for simulated hosts: answers as the real one would, over paths that a test can cut."""

from __future__ import annotations

import json
from collections import defaultdict
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from swarmnet.model.network import GATEWAY
from swarmnet.model.verification import ProbeKit
from swarmnet.verify.inside import inside
from swarmnet.verify.probes.run import Run
from swarmnet.verify.scenarios.control.subnets import within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.model.base import JsonObject, JsonValue
    from tests.simulator import Machine, World

IMAGE = "registry.example/python:3"
KIT = ProbeKit(reference=IMAGE, argv=("python3",))


def this_run(name: str = "run1") -> Run:
    """Return a run whose operator lives, while ``gone:1`` does not."""
    return Run(name, "here:1", lambda operator: operator != "gone:1")


def balancer_table(machine: Machine, argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
    """Print ``/proc/net/ip_vs`` of a namespace as a kernel would whose engine keeps up with the running tasks."""
    store = machine.store
    assert store is not None
    namespace = argv[1].rpartition("/")[2]
    names = {f"lb_{net.id[:9]}": net.spec.name for net in store.networks.values()}
    names["ingress_sbox"] = next((net.spec.name for net in store.networks.values() if net.spec.ingress), "")
    lines = ["IP Virtual Server version 1.2.1 (size=4096)"]
    for service in store.services.values():
        mine = [task for task in store.tasks.values() if task.service_id == service.id and task.state == "running"]
        found = [address for task in mine for address in task.networks.get(names[namespace], ())]
        lines += ["FWM  00000101 rr"] if found else []
        for address in found:
            word = IPv4Address(address.partition("/")[0]).packed.hex().upper()
            lines.append(f"  -> {word}:0000      Masq    1      0          0")
    return 0, "\n".join(lines).encode(), b""


class Paths:
    """What the overlay carries; ``cut`` holds the directions that lose everything."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.cut: set[tuple[str, str]] = set()
        self.heard: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.crash: set[str] = set()
        self.tried: list[tuple[str, JsonObject]] = []
        """Hosts and what their probes were asked to reach."""
        self.unanswered: dict[str, str] = {}
        """``name:port`` that does not answer, and why."""
        self.observed: dict[JsonValue, JsonObject] = {
            "counters": {"ip": {"FragCreates": 0, "ReasmReqds": 0}, "xfrm": {}},
            "capture": {"problem": "simulated hosts have no wire"},
            "collect": {"problem": "no capture was begun"},
            "rest": {"rested": True},
            "turns": {"longest": 0.0},
            "outside": {"targets": {"outside": {"code": "no such name", "why": "", "tries": 1, "ms": 1.0}}},
            "kernel": {"forward": 1, "filters": {}, "devices": {}, "tunnels": {}},
            "ipsec": {"states": [], "policies": []},
            "mark": {"sent": 20, "why": ""},
            "inject": {"sent": 5, "device": "eth0"},
            "neighbours": {"known": {}},
            "namespace": {"routes": [], "resolver": [], "asked": 0},
            "listening": {"sockets": [{"protocol": "tcp", "address": "*", "port": 80}], "ipvs": True},
        }
        self._world = world
        for machine in world.machines.values():
            machine.container_programs["python3"] = self.program
            machine.programs["nsenter"] = balancer_table
        world.operator_program = self.from_here
        world.inside = lambda ports, network, _image: inside(ports, network, kit=KIT, run=this_run())

    def program(self, machine: Machine, _argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
        """Do a batch of questions; greet before, and repeat an older answer, as the real stream may have both."""
        if machine.name in self.crash:
            return 137, b"", b"Killed\n"
        job = json.loads(stdin)
        answers = {task["key"]: self._do(machine.name, task) for task in job["tasks"]}
        older = {"number": job["number"] - 1, "answers": {}}
        lines = ("ready", json.dumps(older), json.dumps({"number": job["number"], "answers": answers}))
        return 0, "\n".join(lines).encode(), b""

    def from_here(self, job: JsonObject) -> JsonObject:
        """Do a batch of questions on the operator's machine, from where all doors open."""
        tasks = job["tasks"]
        assert isinstance(tasks, list)
        return {str(task["key"]): self._do("", task) for task in tasks if isinstance(task, dict)}

    def _do(self, host: str, task: JsonObject) -> JsonObject:
        if task["kind"] == "facts":
            return {"ipvs": True}
        if task["kind"] == "places":
            return {"places": {address: {"mtu": mtu, "mac": "0242"} for address, mtu in self._addresses(host)}}
        if task["kind"] == "heard":
            return {"heard": {net: dict.fromkeys(sorted(who), 1) for net, who in self.heard[host].items()}}
        if task["kind"] in self.observed:
            return self.observed[task["kind"]]
        return self._reach(host, task) if task["kind"] == "reach" else self._targets(host, task)

    def _reach(self, host: str, task: JsonObject) -> JsonObject:
        self.tried.append((host, task))
        why = self.unanswered.get(f"{task['name']}:{task['port']}", "")
        return {"ok": not why, "why": why}

    def _targets(self, host: str, task: JsonObject) -> JsonObject:
        targets = task["targets"]
        assert isinstance(targets, dict)
        if task["kind"] == "knock":
            return {"targets": {label: self._knocks(task, door) for label, door in targets.items()}}
        outcomes: JsonObject = {label: self._outcome(host, label, task) for label in targets}
        return {"targets": outcomes}

    def _addresses(self, host: str) -> Iterator[tuple[str, int]]:
        """Yield each address on the host's overlays, and the MTU there."""
        engine = self._world.engine(host)
        encrypted = {net.id for net in self._world.engine("m1").networks.list() if net.spec.encrypted}
        for endpoint in (endpoint for box in engine.containers() for endpoint in box.endpoints):
            yield endpoint.address, 1424 if endpoint.network_id in encrypted else 1450

    def _outcome(self, host: str, target: str, task: JsonObject) -> JsonValue:
        if task["kind"] == "udp" and (host, target) not in self.cut:
            self.heard[target][str(task["network"])].add(host)
        if task["kind"] in ("icmp", "udp", "tcp") and {(host, target), (target, host)} & self.cut:
            return {"ok": False, "why": "no answer", "tries": 5}
        if task["kind"] == "open":
            why = self.unanswered.get(target, "")
            return {"seen": "silent" if why else "open", "why": why, "tries": 1}
        if task["kind"] in ("loss", "echoes"):
            lost = bool({(host, target), (target, host)} & self.cut)
            sent = task.get("count") or task["few"]
            came = 0 if lost else sent
            return {"sent": sent, "came": came, "tries": sent, "answered": came}
        if task["kind"] == "dns":
            return _resolved(task, target)
        fixed: dict[JsonValue, JsonValue] = {
            "sizes": {"ok": True, "why": "", "tries": 1, "largest": task.get("size"), "beyond": "too large"},
            "ways": {"ok": True, "device": self._device(host, task, target), "mtu": 1500},
        }
        usual: JsonValue = {"ok": True, "why": "", "tries": 1, "ms": 0.3, "id": self._identity(target)}
        return fixed.get(task["kind"], usual)

    def _device(self, host: str, task: JsonObject, label: str) -> str:
        """Return by which device a host reaches a target: its own bridge, or its card."""
        targets = task["targets"]
        assert isinstance(targets, dict)
        machine = self._world.machines.get(host)
        nets = machine.networks.values() if machine else ()
        blocks = [part.subnet for net in nets if net.spec.name == GATEWAY for part in net.spec.subnets]
        return GATEWAY if any(within(str(targets[label]), block) for block in blocks) else "eth0"

    def _identity(self, host: str) -> str:
        """Return what the probe there calls itself: as the task of a service, its node's id."""
        machine = self._world.machines.get(host)
        boxes = machine.containers.values() if machine else ()
        is_task = any((box.service or "").startswith("swarmnet-probe-tasks-") for box in boxes)
        return machine.node_id if machine and is_task else host

    def _knocks(self, task: JsonObject, door: JsonValue) -> JsonValue:
        """Return a fair balancer's answer: everyone in turn, nothing lost; on a host's own port its task alone."""
        expected, times = task.get("expected"), task["times"]
        assert isinstance(door, list)
        assert isinstance(times, int)
        names = [str(one) for one in expected] if isinstance(expected, list) and expected else []
        if door[1] == HOST_PORT:
            machine = next(one for one in self._world.machines.values() if one.address == door[0])
            names = [machine.node_id] if _publishes(machine) else []
            if not names:
                return {"ok": False, "seen": {}, "lost": 1, "tries": 1, "why": "Connection refused", "longest": 0.0}
        seen: JsonObject = {name: max(times, 1) // len(names) for name in names}
        return {"ok": True, "seen": seen, "lost": 0, "tries": max(times, 1), "why": "", "peers": [], "locals": []}


def _resolved(task: JsonObject, label: str) -> JsonObject:
    """Return the answer of a resolver that knows all names."""
    targets = task["targets"]
    assert isinstance(targets, dict)
    asked = targets[label]
    assert isinstance(asked, list)
    wanted = asked[1]
    code = "no address" if wanted else "no such name"
    return {"ok": bool(wanted), "why": "", "code": code, "addresses": wanted, "tries": 1}


HOST_PORT = 32768
"""What the simulator gives to ports in host mode."""


def _publishes(machine: Machine) -> bool:
    return any((box.service or "").startswith("swarmnet-mesh-") for box in machine.containers.values())
