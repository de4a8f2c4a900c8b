"""What crosses the underlay while every probe sends a marker of its own: asked once, read by several scenarios.

Each observer counts on its host's egress; each probe sends datagrams with a marker, on every encrypted network and on
one plain one, and forges plaintext VXLAN to the next host; then the observers report. The plain network is the positive
control: a filter that does not see the marker there proves nothing where it sees none.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.model.find import of_host
from swarmnet.verify import keys
from swarmnet.verify.kernels import ESP_TRIAL
from swarmnet.verify.keys import ESP, PLACES
from swarmnet.verify.scenario import HostCommand, ObserverTask, ProbeTask, Question, in_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.network import Network
    from swarmnet.verify.scenario import Answers, OverlayProbe, Setup

CAPTURE, COLLECT, MARKED_HEARD = keys.value("wire/capture"), keys.value("wire/collect"), keys.heard("wire/heard")
MARK, FORGERY = keys.value("wire/mark"), keys.value("wire/inject")
"""What probes send, network by network: their marker, and forged plaintext."""
IPSEC = (keys.value("wire/ipsec"), keys.value("wire/ipsec-after"))
COUNTERS = (keys.value("wire/counters"), keys.value("wire/counters-after"))
MARKS = 20
"""Datagrams to each peer on each network."""
FORGED = 5
"""Injected packets on each network."""
ALL_PEERS = 16
"""Hosts up to which every pair is marked; of more, each sends to the next one and to the one halfway round."""
SECONDS = 90.0
UNENCRYPTED = "no tested network is encrypted"
INJECTED = "swarmnet-injected"
"""Is in every forged packet, so that captures do not take it for a leak."""


@dataclass(frozen=True, slots=True)
class Direction:
    """Counts of one direction on one host; ``esp`` is peer to SPI to packets, ``vxlan`` peer to VNI to packets."""

    esp: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    vxlan: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    clear: Mapping[str, int] = field(default_factory=dict)
    """Network to packets in which the host's own marker was read."""

    def esp_with(self, peer: str) -> int:
        """Return all ESP packets that this peer got, or sent."""
        return sum(self.esp.get(peer, {}).values())


@dataclass(frozen=True, slots=True)
class Capture:
    """What one host's observer counted, or why the count is worth nothing."""

    host: str
    vtep: str
    sent: Direction = Direction()
    received: Direction = Direction()
    problem: str | None = None


def encrypted(setup: Setup) -> tuple[Network, ...]:
    """Return the tested networks that are encrypted."""
    return tuple(net for net in setup.networks if net.spec.encrypted)


def marked(setup: Setup) -> tuple[Network, ...]:
    """Return the networks that carry markers: the encrypted ones and the control."""
    plain = setup.plain
    return encrypted(setup) if plain is None else (*encrypted(setup), plain)


def observed_probes(setup: Setup) -> tuple[OverlayProbe, ...]:
    """Return the probes that can take part: probe and observer run."""
    return tuple(probe for probe in setup.ready if probe.host in setup.watched)


def peers_of(setup: Setup, host: str) -> tuple[str, ...]:
    """Return the hosts to which this one sends markers."""
    return peers_among(tuple(probe.host for probe in observed_probes(setup)), host)


def peers_among(hosts: tuple[str, ...], host: str) -> tuple[str, ...]:
    """Return all others, or two of them where hosts are many: the next one, and one half-way round."""
    here = hosts.index(host)
    round_trip = hosts[here + 1 :] + hosts[:here]
    if len(hosts) <= ALL_PEERS:
        return round_trip
    return (round_trip[0], round_trip[len(hosts) // 2 - 1])


def marker(setup: Setup, host: str, network: str) -> str:
    """Return 64 characters that this run's host sends on this network, and that no other host sends."""
    return hashlib.sha256(f"{setup.run} {host} {network}".encode()).hexdigest()


def capture_questions(setup: Setup, answers: Answers) -> tuple[Question, ...]:
    """Return what is asked for the captures, a step a round; nothing where no tested network is encrypted."""
    probes = observed_probes(setup)
    if not encrypted(setup):
        return ()
    return in_steps(
        answers,
        lambda: [question for probe in probes for question in _before(setup, probe)],
        lambda: [question for probe in probes for question in _meanwhile(setup, answers, probe)],
        lambda: [question for probe in probes for question in _after(setup, answers, probe)],
    )


def _before(setup: Setup, probe: OverlayProbe) -> list[Question]:
    host = probe.host
    needles: JsonObject = {net.spec.name: marker(setup, host, net.spec.name).encode().hex() for net in marked(setup)}
    task: JsonObject = {
        "kind": "capture",
        "name": "markers",
        "peers": [observer.vtep for observer in setup.observers if observer.problem is None],
        "port": setup.data_path_port,
        "needles": needles,
        "ignore": INJECTED.encode().hex(),
        "seconds": SECONDS,
    }
    return [
        ObserverTask(host, CAPTURE.name, task),
        ObserverTask(host, IPSEC[0].name, {"kind": "ipsec"}),
        ObserverTask(host, COUNTERS[0].name, {"kind": "counters"}),
        ProbeTask(host, PLACES.name, {"kind": "places"}),
        HostCommand(host, ESP.name, ESP_TRIAL, sudo=True),
    ]


def _meanwhile(setup: Setup, answers: Answers, probe: OverlayProbe) -> list[Question]:
    questions: list[Question] = []
    by_host = {one.host: one for one in observed_probes(setup)}
    for net in marked(setup):
        name = net.spec.name
        targets: JsonObject = {peer: by_host[peer].addresses[name] for peer in peers_of(setup, probe.host)}
        task: JsonObject = {"kind": "mark", "targets": targets, "network": f"mark/{name}", "from": probe.host}
        task |= {"marker": marker(setup, probe.host, name), "count": MARKS}
        questions.append(ProbeTask(probe.host, MARK.on(name).name, task))
        forged = forgery(setup, answers, probe, net)
        if forged is not None:
            questions.append(ObserverTask(probe.host, FORGERY.on(name).name, forged))
    return questions


def _after(setup: Setup, answers: Answers, probe: OverlayProbe) -> list[Question]:
    """Return what ends the captures; what was forged on the plain network is waited for, since it must arrive."""
    plain = setup.plain.spec.name if setup.plain else ""
    forgers: list[JsonValue] = [
        one.host
        for one in observed_probes(setup)
        if next_of(setup, one.host) == probe.host and (FORGERY.on(plain).read(answers, one.host) or {}).get("sent")
    ]
    heard: JsonObject = {"kind": "heard", "await": {f"inject/{plain}": forgers} if forgers else {}}
    return [
        ObserverTask(probe.host, COLLECT.name, {"kind": "collect", "name": "markers"}),
        ObserverTask(probe.host, IPSEC[1].name, {"kind": "ipsec"}),
        ObserverTask(probe.host, COUNTERS[1].name, {"kind": "counters"}),
        ProbeTask(probe.host, MARKED_HEARD.name, heard),
    ]


def next_of(setup: Setup, host: str) -> str | None:
    """Return the host to which this one forges packets; None where it is alone."""
    others = peers_of(setup, host)
    return others[0] if others else None


def forgery(setup: Setup, answers: Answers, probe: OverlayProbe, network: Network) -> JsonObject | None:
    """Return the task that forges plaintext VXLAN from this probe's probe to the next; None when not all is known.

    The inner source is the sending host's own probe and the outer source its own VTEP, so that nothing but the
    receiver's encryption rule has a reason to drop it (the bridge drops packets whose outer source is not the one that
    it has for the inner one).
    """
    name, target = network.spec.name, next_of(setup, probe.host)
    by_host = {one.host: one for one in observed_probes(setup)}
    vteps = {observer.host: observer.vtep for observer in setup.observers}
    ends: list[JsonValue] = []
    for host in (probe.host, target):
        address = by_host[host].addresses[name] if host else ""
        mac = place(answers, host or "", address).get("mac")
        ends.append({"ip": address, "mac": mac})
        if not mac:
            return None
    if not network.vnis or target is None:
        return None
    said = {"run": setup.run, "from": probe.host, "network": f"inject/{name}", "nonce": INJECTED}
    return {
        "kind": "inject",
        "vtep": vteps[target],
        "port": setup.data_path_port,
        "vni": network.vnis[0],
        "source": ends[0],
        "target": ends[1],
        "message": json.dumps(said),
        "count": FORGED,
    }


def place(answers: Answers, host: str, address: str) -> JsonObject:
    """Return device, MTU and MAC that a probe has at this address of its own; empty when it did not answer."""
    return (PLACES.read(answers, host) or {}).get(address, {})


def heard_from(answers: Answers, host: str, label: str) -> Mapping[str, int] | None:
    """Return from whom a probe heard how often under this label; None when it did not answer."""
    log = MARKED_HEARD.read(answers, host)
    return None if log is None else numbers(log.get(label))


def capture_of(setup: Setup, answers: Answers, host: str) -> Capture:
    """Return what the host's observer counted; a capture that missed packets proves nothing."""
    observer = of_host(setup.observers, host)
    if observer is None or observer.problem:
        return Capture(host, "", problem=(observer and observer.problem) or "no observer was started")
    for key in (CAPTURE, COLLECT):
        problem = key.problem(answers, host)
        if problem:
            return Capture(host, observer.vtep, problem=f"the capture failed: {problem}")
    collected = COLLECT.read(answers, host) or {}
    if not collected.get("complete"):
        problem = f"the capture missed packets ({collected.get('lost', 'some')}): the host is too busy for a proof"
        return Capture(host, observer.vtep, problem=problem)
    return Capture(host, observer.vtep, _direction(collected.get("sent")), _direction(collected.get("received")))


def _direction(value: JsonValue) -> Direction:
    tables = value if isinstance(value, dict) else {}
    return Direction(_table(tables.get("esp")), _table(tables.get("vxlan")), numbers(tables.get("clear")))


def _table(value: JsonValue) -> dict[str, dict[str, int]]:
    return {peer: numbers(row) for peer, row in value.items()} if isinstance(value, dict) else {}


def numbers(value: JsonValue) -> dict[str, int]:
    """Return the whole numbers of an object."""
    return {key: n for key, n in value.items() if isinstance(n, int)} if isinstance(value, dict) else {}


def delta(answers: Answers, host: str, table: str) -> dict[str, int] | None:
    """Return by how much each kernel counter of a table grew between the first step and the last; None if unknown."""
    before, after = ((key.read(answers, host) or {}).get(table) for key in COUNTERS)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return None
    return {name: count - numbers(before).get(name, 0) for name, count in numbers(after).items()}
