"""Why packets get lost between two hosts: verify's own scenarios, asked of the hosts and networks of a broken way.

A trace counts packets from inside containers, which shows where they get lost, and not why. What it found lost is data
in its layers; verify judges those hosts, and what it proves broken or lost is compared with what the way needs. Of
published ports that do not open, it is the cause that verify itself finds behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.verify import claims
from swarmnet.verify.causes.at_cards import MAY_BE
from swarmnet.verify.scenarios.control.allocation import NetworksAllocated
from swarmnet.verify.scenarios.control.nodes import NodesReady
from swarmnet.verify.scenarios.control.subnets import SubnetOverlaps
from swarmnet.verify.scenarios.encryption.on_the_wire import EncryptionOnTheWire
from swarmnet.verify.scenarios.encryption.rules import EncryptionRules
from swarmnet.verify.scenarios.encryption.states import IpsecStates
from swarmnet.verify.scenarios.hosts.crossings import GOSSIP
from swarmnet.verify.scenarios.hosts.data_path import DataPath
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.scenarios.hosts.gossip import Gossip
from swarmnet.verify.scenarios.hosts.identities import Identities
from swarmnet.verify.scenarios.hosts.kernels import Kernels
from swarmnet.verify.scenarios.hosts.ports import Ports
from swarmnet.verify.scenarios.pairs.endpoints import Endpoints
from swarmnet.verify.scenarios.pairs.loss import Loss
from swarmnet.verify.scenarios.pairs.matrix import IcmpMatrix, UdpMatrix
from swarmnet.verify.scenarios.sizes.overlay import OverlayMtu
from swarmnet.verify.scenarios.sizes.underlay import UnderlayMtu
from swarmnet.verify.tracing import doors
from swarmnet.verify.tracing.counted import Loses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from swarmnet.model.base import JsonValue
    from swarmnet.model.report import Claim, Verdict
    from swarmnet.model.state import ClusterState
    from swarmnet.model.trace import Layer, Path
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Scenario, Setup

OVERLAY, LOSS, SIZE = "overlay", "loss", "size"
"""The layers that say where packets get lost, and not why."""
CARRIERS = ("vxlan", "esp", "gossip", f"udp/{GOSSIP}", f"tcp/{GOSSIP}")
"""What hosts must let through to each other, as claims call it."""
ALWAYS: tuple[Scenario, ...] = (
    *(
        NodesReady(),
        NetworksAllocated(),
        SubnetOverlaps(),
        Kernels(),
        Identities(),
        DataPath(),
        HostFirewall(),
        Ports(),
    ),
    *(IcmpMatrix(), UdpMatrix(), Gossip(), Endpoints()),
)
ENCRYPTED: tuple[Scenario, ...] = (EncryptionOnTheWire(), IpsecStates(), EncryptionRules())
SIZES: tuple[Scenario, ...] = (OverlayMtu(), UnderlayMtu())
SHARES: tuple[Scenario, ...] = (Kernels(), DataPath(), HostFirewall(), IcmpMatrix(), Loss())
"""Where only some packets get lost: what else verify looks at needs more time, and passes there."""
REPAIRED = (
    "verify then found nothing wrong between these hosts: trace again. If it works now, the engine repaired the way"
    " when a probe joined {0}, and what broke it may do so again"
)
PROVED = (Status.FAILED, Status.INCONCLUSIVE, Status.WARNING)
"""Findings that may name the cause, the surer ones first."""


@dataclass(frozen=True, slots=True)
class Lost:
    """One way on which packets get lost."""

    layer: str
    source: str
    """The host that sends."""
    target: str
    network: str
    address: str
    """The container's that is not reached."""

    @classmethod
    def between(cls, layer: str, asker: End, other: End, network: str, loses: Loses) -> Lost:
        """Return the way between two containers on which packets get lost: there, unless their answers do."""
        source, target = (other, asker) if loses is Loses.BACK else (asker, other)
        return cls(layer, source.host, target.host, network, target.addresses.get(network, ""))

    @classmethod
    def of(cls, layer: Layer) -> Lost | None:
        """Return what a layer says is lost between hosts; None for any other layer."""
        words = [layer.evidence.get(key) for key in ("from", "to", "network", "address")]
        if layer.status not in (Status.FAILED, Status.WARNING) or layer.name not in (OVERLAY, LOSS, SIZE):
            return None
        source, target, network, address = (one if isinstance(one, str) else "" for one in words)
        return cls(layer.name, source, target, network, address) if source and target and network else None

    def evidence(self) -> dict[str, JsonValue]:
        """Return it as a layer keeps it."""
        return {"from": self.source, "to": self.target, "network": self.network, "address": self.address}

    def needs(self, setup: Setup) -> frozenset[Claim]:
        """Return what must work for these packets to pass."""
        ways = ((self.source, self.target), (self.target, self.source))
        if self.layer == SIZE:
            kinds = (claims.whole, claims.fitting)
            return frozenset(
                place for way in ways for place in (claims.path(*way), *(kind(self.network, *way) for kind in kinds))
            )
        if self.layer == LOSS:
            return frozenset(claims.steady(self.network, *way) for way in ways)
        found = claims.exchange(setup, self.network, self.source, self.target)
        found |= {claims.address(self.network, self.address)}
        for host in (self.source, self.target):
            found |= {claims.attach(host), claims.advertised(host), claims.ipsec_drops(host)}
        for way in ways:
            found |= {claims.flows(*way), *(claims.passage(kind, *way) for kind in CARRIERS)}
        return found


@dataclass(frozen=True, slots=True)
class Look:
    """What to verify more closely."""

    scenarios: tuple[Scenario, ...]
    networks: tuple[str, ...]
    hosts: tuple[str, ...]
    """The ends of every way on which packets get lost; none means all of the inventory."""


def look_at(state: ClusterState, paths: Iterable[Path]) -> Look | None:
    """Return what to verify because of what a trace lost, or found shut; None where neither is."""
    layers = tuple(layer for path in paths for layer in path.layers)
    overlays = {net.spec.name: net.spec for net in state.networks if net.spec.driver == "overlay"}
    lost = [one for layer in layers if (one := Lost.of(layer)) and one.network in overlays]
    shut = doors.shut_in(layers)
    if not lost and not shut:
        return None
    networks = {one.network for one in lost} | {name for one in shut for name in one.networks(state)}
    # Any host may be the one behind a port of the mesh, and the next host is the one that knocks.
    hosts = () if shut else tuple(dict.fromkeys(host for one in lost for host in (one.source, one.target)))
    scenarios = ALWAYS if any(one.layer != LOSS for one in lost) else ()
    scenarios += (SHARES if any(one.layer == LOSS for one in lost) else ()) + (doors.SCENARIOS if shut else ())
    scenarios += ENCRYPTED if any(overlays[one.network].encrypted for one in lost) else ()
    scenarios += SIZES if any(one.layer == SIZE for one in lost) else ()
    by_name = {one.name: one for one in scenarios}
    return Look(tuple(by_name.values()), tuple(sorted(networks)), hosts)


def cause_of(setup: Setup, lost: Lost, verdicts: Sequence[Verdict]) -> Verdict | None:
    """Return the finding that explains why packets get lost there; None where none does.

    Args:
        setup: with the networks, for what the way needs.
        lost: the way.
        verdicts: what verify found, worst first and causes before what follows from them.
    """
    needs = lost.needs(setup)
    found = [one for status in PROVED for one in verdicts if one.status is status and one.cause is not None]
    about = [one for one in found if _is_about(one, lost, needs)]
    roots = [one for one in about if not one.because_of]
    if roots or not about:
        return roots[0] if roots else None
    return verdicts[about[0].because_of[0].verdict]


def _is_about(verdict: Verdict, lost: Lost, needs: frozenset[Claim]) -> bool:
    """Return whether a finding proved broken what the way needs, or is about that very container."""
    addresses = verdict.evidence.get("addresses")
    if isinstance(addresses, list):
        return verdict.evidence.get("host") == lost.source and lost.address in addresses
    return bool(verdict.broken & needs)


def named(setup: Setup, path: Path, verdicts: Sequence[Verdict]) -> Path:
    """Return a path whose lost packets have their cause, with what proves it and what to do."""
    return path.model_copy(update={"layers": tuple(_named(setup, one, verdicts) for one in path.layers)})


def _named(setup: Setup, layer: Layer, verdicts: Sequence[Verdict]) -> Layer:
    lost, shut = Lost.of(layer), doors.Shut.of(layer)
    found = cause_of(setup, lost, verdicts) if lost is not None else None
    found = doors.cause_of(shut, verdicts) if shut is not None else found
    if found is None:
        if lost is None or lost.layer == LOSS:
            return layer
        return layer.model_copy(update={"fix": REPAIRED.format(lost.network)})
    sure: dict[str, JsonValue] = {"certainty": found.certainty.value} if found.certainty is not None else {}
    return layer.model_copy(
        update={
            "detail": _because(layer, found),
            "cause": found.cause,
            "fix": found.fix,
            "evidence": {**found.evidence, **layer.evidence, **sure, "scenario": found.scenario},
        }
    )


def _because(layer: Layer, found: Verdict) -> str:
    """Return a layer's words with the cause; one who counted the same again adds what was seen on the way alone."""
    if found.cause != layer.cause or layer.name != LOSS:
        return f"{layer.detail}: {found.detail}"
    seen = found.evidence.get("seen")
    return f"{layer.detail}{MAY_BE.format('; '.join(map(str, seen)))}" if isinstance(seen, list) else layer.detail
