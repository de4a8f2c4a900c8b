"""Scenario: what each host's kernel and engine do with packets between hosts, apart from the firewall.

Kernels silently drop what comes from another address than the one by which an overlay knows a host (the forwarding
row is fixed, ``vxlan_snoop``), what comes by another device than the one that answers would leave by (``rp_filter``),
what they are set not to forward, what a route leads away from the bridge to the containers, and what a rule throws away
because of the host's own address. None of it is seen on the wire.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import VXLAN, VXLAN_TRIAL, kernel_of, settings, ways_out, without_vxlan
from swarmnet.verify.keys import EXCHANGES, outcomes
from swarmnet.verify.scenario import (
    Answers,
    Findings,
    HostCommand,
    Question,
    Scenario,
    Setup,
)
from swarmnet.verify.scenarios.hosts.bridge_way import bridge_way, led_away, outside
from swarmnet.verify.scenarios.hosts.own_source import from_own, thrown_away
from swarmnet.verify.scenarios.sizes.overlay import ways

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Claim

MACHINE = keys.command("machine-id")
OURS = "vx-"
"""How engines call a VXLAN device before they put it into the network's namespace (overlay driver, 20.10 to 28.5)."""
STRICT = 1
"""``rp_filter``: the answer must leave by the device that the packet came by."""


class Kernels(Scenario):
    """Forwarding, source addresses, reverse path filters, ways to containers, left devices, live restore, clones."""

    name: ClassVar[str] = "kernels"
    summary: ClassVar[str] = "kernels and engines of the hosts let the swarm's packets pass"
    needs_observer: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask each host's observer for its kernel's settings and ways, and the host for its machine's id."""
        found: list[Question] = []
        for host in setup.watched:
            found.append(settings(host))
            found.append(ways(setup, host))
            found += (*bridge_way(setup, host), *from_own(setup, host))
            found.append(HostCommand(host, MACHINE.name, ("cat", "/etc/machine-id")))
            found.append(HostCommand(host, VXLAN.name, VXLAN_TRIAL, sudo=True))
        return tuple(found)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict a host and trouble, else one for all."""
        seen = {host: said for host in setup.watched if (said := kernel_of(answers, host))}
        verdicts = [verdict for host, said in seen.items() for verdict in self._host(setup, answers, host, said)]
        verdicts += [self._unable(host) for host in setup.watched if host in without_vxlan(answers)]
        away = [one for host in setup.watched for one in led_away(setup, answers, host)]
        away += [one for host in setup.watched for one in thrown_away(setup, answers, host)]
        verdicts += [one.verdict(self.name) for one in away]
        verdicts += self._machines(setup, answers)
        if seen and not any(one.status is Status.FAILED for one in verdicts):
            detail = count(
                len(seen),
                "host forwards packets, sends from the address by which it is known, and filters nothing out",
                "hosts forward packets, send from the addresses by which they are known, and filter nothing out",
            )
            verdicts.append(self.verdict("hosts", Status.OK, detail))
        return Findings(tuple(verdicts))

    def _machines(self, setup: Setup, answers: Answers) -> list[Verdict]:
        """Return what is wrong with the machines and engines themselves."""
        return [*self._cloned(setup, answers), *self._restoring(setup)]

    def _host(self, setup: Setup, answers: Answers, host: str, said: JsonObject) -> Iterable[Verdict]:
        if said.get("forward") == 0:
            yield failed(
                self.name,
                host,
                (CauseId.IP_FORWARD, ["sysctl -w net.ipv4.ip_forward=1"]),
                f"{host} does not forward packets (net.ipv4.ip_forward is 0), so its published ports do not work, and"
                " its containers do not get out of the swarm",
                f"run this on {host}, and find what sets it in /etc/sysctl.d:",
                frozenset({claims.forwarding(host), *outside(setup, host)}),
            )
        yield from self._sources(setup, answers, host)
        yield from self._filters(setup, answers, host, said)
        yield from self._leftovers(setup, host, said)

    def _unable(self, host: str) -> Verdict:
        return failed(
            self.name,
            host,
            (CauseId.NO_VXLAN, ["modprobe vxlan"]),
            f"the kernel of {host} cannot do VXLAN (it refuses a VXLAN device), so no container there can join an"
            " overlay",
            f"run this on {host}; where the module does not exist, install it (linux-modules-extra-raspi on Ubuntu for"
            " the Raspberry Pi) or use a kernel with CONFIG_VXLAN:",
            frozenset((claims.attach(host),)),
        )

    def _sources(self, setup: Setup, answers: Answers, host: str) -> Iterable[Verdict]:
        known = {one.host: one.vtep for one in setup.observers}
        others = {
            peer: str(way["local"])
            for peer, way in ways_out(answers, host).items()
            if known[host] and way.get("local") not in (None, known[host])
        }
        hurt = {peer: local for peer, local in others.items() if is_lost(setup, answers, host, peer)}
        if hurt:
            local = hurt[min(hurt)]
            verdict = failed(
                self.name,
                host,
                (CauseId.OUTER_SOURCE, []),
                f"{host} sends to {', '.join(sorted(hurt))} from {local}, but overlays know it as {known[host]}:"
                " kernels there drop these packets silently",
                f"make {known[host]} the route's source address (ip route change ... src {known[host]}), or let the"
                " node"
                f" join again with --advertise-addr and --data-path-addr {local}",
                frozenset(between(setup, {(host, peer) for peer in hurt})),
            )
            yield verdict.model_copy(update={"needed": (frozenset((claims.advertised(host), claims.data_path(host))),)})

    def _filters(self, setup: Setup, answers: Answers, host: str, said: JsonObject) -> Iterable[Verdict]:
        devices, filters = said.get("devices"), said.get("filters")
        vtep = next(one.vtep for one in setup.observers if one.host == host)
        if (
            not isinstance(devices, dict)
            or not isinstance(filters, dict)
            or filters.get(str(devices.get(vtep))) != STRICT
        ):
            return
        device, found = str(devices[vtep]), ways_out(answers, host)
        away = {peer: str(way["device"]) for peer, way in found.items() if way.get("device") not in (None, device)}
        if away:
            peers = ", ".join(sorted(away))
            yield failed(
                self.name,
                host,
                (CauseId.RP_FILTER, [f"sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.{device}.rp_filter=2"]),
                f"{host} drops what {peers} send to it: answers would leave by {away[min(away)]}, packets come by"
                f" {device}, and its reverse path filter is strict (net.ipv4.conf.{device}.rp_filter is 1)",
                f"fix the routes of {host}, or run this there, and find what sets it in /etc/sysctl.d:",
                frozenset(between(setup, {(peer, host) for peer in away})),
            )

    def _leftovers(self, setup: Setup, host: str, said: JsonObject) -> Iterable[Verdict]:
        for device, vni, name in taken(setup, said):
            if device.startswith(OURS):
                yield failed(
                    self.name,
                    host,
                    (CauseId.LEFTOVER_VXLAN, [f"ip link delete {device}"]),
                    f"a VXLAN device of {name} (VNI {vni}) is left in the host's own namespace on {host}: {device}; no"
                    " container on that network can start there (file exists)",
                    f"run this on {host}; if the device comes back, restart Docker there:",
                    frozenset((claims.attach(host),)),
                )

    def _cloned(self, setup: Setup, answers: Answers) -> Iterable[Verdict]:
        found: dict[str, list[str]] = defaultdict(list)
        for host in setup.watched:
            ended = MACHINE.read(answers, host)
            machine = ended.stdout.strip() if ended else ""
            if machine:
                found[machine].append(host)
        for hosts in found.values():
            if hosts[1:]:
                verdict = self.verdict(
                    f"hosts {', '.join(hosts)}",
                    Status.WARNING,
                    f"{', '.join(hosts)} have the same machine-id: they are clones, and compete for leases and"
                    " addresses that"
                    " are derived from it",
                    f"run this on all of them except {hosts[0]}, then reboot:",
                    cause=CauseId.MACHINE_ID,
                )
                commands = ["rm /etc/machine-id && systemd-machine-id-setup"]
                yield verdict.model_copy(
                    update={"evidence": {**verdict.evidence, "hosts": [*hosts], "commands": [*commands]}}
                )

    def _restoring(self, setup: Setup) -> Iterable[Verdict]:
        hosts = [one.host for one in setup.state.hosts if one.engine.live_restore and one.host in setup.watched]
        if hosts:
            yield self.verdict(
                f"host{'s' if hosts[1:] else ''} {', '.join(hosts)}",
                Status.WARNING,
                f"live restore is on at {', '.join(hosts)}: after a restart, the engine refuses to be a node of a"
                " swarm",
                'set "live-restore": false in /etc/docker/daemon.json there, then run systemctl reload docker',
                cause=CauseId.LIVE_RESTORE,
            )


def failed(
    scenario: str, host: str, what: tuple[CauseId, list[str]], detail: str, fix: str, broken: frozenset[Claim]
) -> Verdict:
    """Return a failure of one host: its cause and the commands that fix it, in words, and what it breaks."""
    cause, commands = what
    return Verdict(
        scenario=scenario,
        subject=f"host {host}",
        status=Status.FAILED,
        detail=detail,
        fix=fix,
        cause=cause,
        evidence={"cause": cause, "hosts": [host], "commands": [*commands]},
        broken=broken,
    )


def is_lost(setup: Setup, answers: Answers, source: str, target: str) -> bool:
    """Return whether an exchange between the two failed: an unexpected source address that works is not a fault."""
    looks = [
        key
        for exchange in EXCHANGES
        for net in setup.networks
        for key in (exchange.on(net.spec.name), exchange.on(net.spec.name).again)
    ]
    return any(
        outcomes(answers, one, key)[0].get(other, {}).get("ok") is False
        for one, other in ((source, target), (target, source))
        for key in looks
    )


def between(setup: Setup, pairs: set[tuple[str, str]]) -> Iterable[Claim]:
    """Yield what fails where a kernel drops all that comes in these directions."""
    for pair in pairs:
        yield from (claims.vxlan(*pair), claims.passage("vxlan", *pair))
        yield from (claims.door(*way, protocol) for way in (pair, pair[::-1]) for protocol in ("tcp", "udp"))
        if any(net.spec.encrypted for net in setup.networks):
            yield from (claims.esp(*pair), claims.passage("esp", *pair))


def taken(setup: Setup, said: JsonObject) -> list[tuple[str, int, str]]:
    """Return the VXLAN devices in the host's own namespace with the VNI of a network: device, VNI, network.

    One that listens on another port is in no one's way; where its port is not known, it counts.
    """
    tunnels, ports = said.get("tunnels"), said.get("ports")
    names = {vni: net.spec.name for net in (*setup.state.networks, *setup.networks) for vni in net.vnis}
    known = ports if isinstance(ports, dict) else {}
    return [
        (device, vni, names[vni])
        for device, vni in (tunnels.items() if isinstance(tunnels, dict) else ())
        if isinstance(vni, int) and vni in names and known.get(device, setup.data_path_port) == setup.data_path_port
    ]
