"""What observers of an encrypted cluster say: all well, until a test breaks something."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TYPE_CHECKING

from swarmnet.verify.captures import CAPTURE, COLLECT, COUNTERS, IPSEC, MARKED_HEARD, MARKS
from swarmnet.verify.keys import ESP, PLACES, SAVE, WAYS
from swarmnet.verify.scenario import Answer, Answers, Observer, Setup
from swarmnet.verify.scenarios.encryption.states import CIPHER, MARK
from tests.support.setups import make_setup, network

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue

VNIS = {"plain": 4097, "vault": 4098}
BPF = "7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 {vni},6 0 0 0,6 0 0 4294967295"
U32 = "0x0>>0x16&0x3c@0xc&0xffffff00=0x{vni:x}"


def cluster(hosts: int = 3) -> Setup:
    """Return hosts with probes and observers on a plain and an encrypted overlay."""
    nets = tuple(
        network(name, encrypted=name == "vault").model_copy(update={"vnis": (vni,)}) for name, vni in VNIS.items()
    )
    base = make_setup(hosts, nets)
    observers = tuple(Observer(one.host, vtep(one.host)) for one in base.probes)
    return replace(base, observers=observers, run="run1")


def vtep(host: str) -> str:
    """Return the address of host ``wN`` on the underlay."""
    return f"192.0.2.{host[1:]}"


def spi(source: str, target: str) -> str:
    """Return the SPI of one direction."""
    return f"0x{source[1:]:0>4}{target[1:]:0>4}"


@dataclass
class Wire:
    """One underlay; its fields say what is broken."""

    setup: Setup
    flushed: set[str] = field(default_factory=set)
    """Hosts without the engine's rules."""
    blocked: set[tuple[str, str]] = field(default_factory=set)
    """Directions in which ESP is lost."""
    blind: set[str] = field(default_factory=set)
    """Hosts whose filter sees no marker at all."""
    busy: set[str] = field(default_factory=set)
    """Hosts whose capture missed packets."""
    deaf: bool = False
    """Forged packets arrive nowhere."""

    def answers(self) -> Answers:
        """Return what all observers, probes and shells say."""
        found: Answers = {}
        for host in self.hosts:
            found[host, CAPTURE.name] = Answer({"ready": True})
            found[host, COLLECT.name] = Answer(self._counted(host))
            found[host, MARKED_HEARD.name] = Answer({"heard": self._heard(host)})
            found[host, ESP.name] = Answer({"exit": 0, "stdout": "", "stderr": ""})
            found[host, SAVE.name] = Answer({"exit": 0, "stdout": self.rules(host), "stderr": ""})
            found[host, PLACES.name] = Answer({"places": self._places(host)})
            ways: JsonObject = {peer: {"ok": True, "mtu": 1500} for peer in self.peers(host)}
            found[host, WAYS.name] = Answer({"targets": ways})
            for key in IPSEC:
                found[host, key.name] = Answer({"states": self._states(host), "policies": self._policies(host)})
            for key in COUNTERS:
                found[host, key.name] = Answer(
                    {"ip": {"FragCreates": 7, "ReasmReqds": 0}, "xfrm": {"XfrmInNoStates": 1}}
                )
            for name in VNIS:
                found[host, f"wire/inject/{name}"] = Answer({"sent": 5})
                found[host, f"sizes/{name}"] = Answer({"targets": self._sizes(host, 1424 if name == "vault" else 1450)})
            found[host, "wire/sizes/1500"] = Answer({"targets": self._sizes(host, 1500)})
        return found

    @property
    def hosts(self) -> list[str]:
        """Return all hosts."""
        return [one.host for one in self.setup.probes]

    def peers(self, host: str) -> list[str]:
        """Return all others."""
        return [other for other in self.hosts if other != host]

    def rules(self, host: str) -> str:
        """Return what iptables-save prints there."""
        if host in self.flushed:
            return "*mangle\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
        return rules(bpf(VNIS["vault"]))

    def _counted(self, host: str) -> JsonObject:
        clear: JsonObject = {} if host in self.blind else {"plain": MARKS}
        vxlan: JsonObject = {vtep(peer): {"4097": MARKS} for peer in self.peers(host)}
        if host in self.flushed:
            clear |= {"vault": MARKS} if host not in self.blind else {}
            vxlan = {vtep(peer): {"4097": MARKS, "4098": MARKS} for peer in self.peers(host)}
        esp: JsonObject = {vtep(peer): {spi(host, peer): MARKS + 2} for peer in self.peers(host)}
        came: JsonObject = {
            vtep(peer): {spi(peer, host): MARKS + 2}
            for peer in self.peers(host)
            if (peer, host) not in self.blocked and peer not in self.flushed
        }
        sent: JsonObject = {"esp": {} if host in self.flushed else esp, "vxlan": vxlan, "clear": clear}
        complete = host not in self.busy
        return {"complete": complete, "lost": 0 if complete else 9, "sent": sent, "received": {"esp": came}}

    def _heard(self, host: str) -> JsonObject:
        before = self.hosts[self.hosts.index(host) - 1]
        heard: JsonObject = {} if self.deaf else {"inject/plain": {before: 5}}
        return heard | ({"inject/vault": {before: 5}} if host in self.flushed else {})

    def _places(self, host: str) -> JsonObject:
        probe = next(one for one in self.setup.probes if one.host == host)
        return {
            address: {"mtu": 1424 if name == "vault" else 1450, "mac": "0242ac110002"}
            for name, address in probe.addresses.items()
        }

    def _sizes(self, host: str, size: int) -> JsonObject:
        return {
            peer: {"ok": True, "why": "", "largest": size, "beyond": "too large", "tries": 1}
            for peer in self.peers(host)
        }

    def _states(self, host: str) -> list[JsonValue]:
        pairs = [pair for pair in permutations(self.hosts, 2) if host in pair]
        return [
            {"source": vtep(s), "target": vtep(t), "spi": spi(s, t), "cipher": CIPHER, "sequence": 40, "packets": 40}
            for s, t in pairs
        ]

    def _policies(self, host: str) -> list[JsonValue]:
        return [
            {"source": vtep(host), "target": vtep(peer), "spi": spi(host, peer), "port": 4789, "mark": MARK}
            for peer in self.peers(host)
        ]


def bpf(vni: int) -> str:
    """Return the match of engines 26.1 and 28.5."""
    return f'-m bpf --bytecode "{BPF.format(vni=vni)}"'


def u32(vni: int) -> str:
    """Return the match of engine 20.10."""
    return f'-m u32 --u32 "{U32.format(vni=vni << 8)}"'


def rules(match: str, *, before: str = "") -> str:
    """Return the engine's two rules as iptables-save prints them, another one before the second."""
    return (
        f"# Generated by iptables-save v1.8.9\n*mangle\n:OUTPUT ACCEPT [9:9]\n"
        f"[4:99] -A OUTPUT -p udp -m udp --dport 4789 {match} -j MARK --set-xmark 0xd0c4e3/0xffffffff\nCOMMIT\n"
        f"*filter\n:INPUT ACCEPT [9:9]\n{before}"
        f"[0:0] -A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 {match} -j DROP\nCOMMIT\n"
    )
