"""Whether a host gives what its containers send out of the swarm its own address: rules of nat, read and walked. Pure.

Containers on overlays have their default route over the bridge ``docker_gwbridge``, and no one outside knows the
addresses there. Each engine adds a rule ``MASQUERADE`` for them at its start (20.10 to 28.5).
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from swarmnet.model.network import GATEWAY
from swarmnet.verify import claims, nftables
from swarmnet.verify.ids import CauseId
from swarmnet.verify.iptables import EMPTY
from swarmnet.verify.keys import SAVE
from swarmnet.verify.packet_filter import Packet, meets
from swarmnet.verify.scenarios.hosts.back_ends import NATIVE, back_ends, other_rules
from swarmnet.verify.scenarios.hosts.crossings import BRIDGE
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.network import NetworkSpec
    from swarmnet.verify.iptables import Rule
    from swarmnet.verify.scenario import Answers, Setup

OPTION = "com.docker.network.bridge.enable_ip_masquerade"
MODE = "com.docker.network.bridge.gateway_mode_ipv4"
"""Options by which an operator has other routers know the containers (the second one from 27)."""
OURS = frozenset({"MASQUERADE", "SNAT", "NETMAP"})


def untranslated(setup: Setup, answers: Answers) -> Iterator[Trouble]:
    """Yield each host whose engine writes rules, and has none that gives containers on overlays the host's address."""
    for host in setup.watched:
        ends = back_ends(answers, host)
        if not any(one.has_engine_rules for one in ends):
            continue
        for subnet in _behind(setup, host):
            source = str(ip_network(subnet, strict=False)[2])
            if is_given_address(answers, host, Packet("tcp", source, "", came_by=BRIDGE)) is False:
                yield Trouble(
                    CauseId.NO_MASQUERADE,
                    (host,),
                    f"no rule of {host} gives what containers on overlays send out of the swarm ({subnet}, {GATEWAY})"
                    " the host's own address (MASQUERADE): they reach nothing outside",
                    f"restart Docker on {host}, which adds its rule again; until then:",
                    (f"iptables -t nat -A POSTROUTING -s {subnet} ! -o {GATEWAY} -j MASQUERADE",),
                    broken=frozenset((claims.outwards(host),)),
                    needed=claims.each((claims.rules(host, "nat"),)),
                )


def is_given_address(answers: Answers, host: str, packet: Packet) -> bool | None:
    """Return whether a rule gives a packet that leaves the host another address, or may; None where it is not known."""
    own = SAVE.read(answers, host)
    if own is None or "nat" not in own:
        return None
    other, native = other_rules(answers, host)[1], NATIVE.read(answers, host)
    if native is not None and native.succeeded and nftables.rewrites_sources(native.stdout, frozenset({*own, *other})):
        return None
    rules = (*own["nat"].rules, *other.get("nat", EMPTY).rules)
    return any(rule.target in OURS and not _is_inwards(rule) and meets(rule, packet) is not False for rule in rules)


def _is_inwards(rule: Rule) -> bool:
    """Return whether a rule is about what goes to containers: the engine has one for the host's own packets."""
    several = zip(("", *rule.words), rule.words, rule.words[1:], strict=False)
    return any(before != "!" and (option, value) == ("-o", BRIDGE) for before, option, value in several)


def _behind(setup: Setup, host: str) -> list[str]:
    """Return the IPv4 subnets of a host's bridge whose containers need the host's address to be answered."""
    facts = setup.state.facts(host)
    bridges = [net.spec for net in facts.networks if net.spec.name == GATEWAY] if facts is not None else []
    return [part.subnet for one in bridges if _is_hidden(one) for part in one.subnets if ":" not in part.subnet]


def _is_hidden(bridge: NetworkSpec) -> bool:
    return bridge.options.get(OPTION, "true") == "true" and bridge.options.get(MODE, "nat") == "nat"
