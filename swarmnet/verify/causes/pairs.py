"""Why pairs fail: all matrices together, one verdict for each cause.

What a probe heard tells the direction. A datagram that never arrived condemns its direction; a round trip whose request
was heard fails because of the way back, which has a verdict of its own. Three scenarios that fail on the same pairs
have one cause, and so have networks that fail on the same pairs.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.causes import checksums, firewall, lossy, neighbour_table, no_ipvs, resolvers
from swarmnet.verify.causes import gossip as gossip_cause
from swarmnet.verify.causes import ingress as ingress_causes
from swarmnet.verify.causes.esp import apart, why_blocked
from swarmnet.verify.causes.failed_pairs import Evidence, heard, is_encrypted, read
from swarmnet.verify.causes.gossip import unlearned
from swarmnet.verify.ids import CauseId, Group
from swarmnet.verify.kernels import without_esp
from swarmnet.verify.patterns import Pair, Reach, Shape, decompose
from swarmnet.verify.scenarios.pairs.loss import pairs_of
from swarmnet.verify.scenarios.sizes.overlay import large_packets, steadily

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from swarmnet.model.base import JsonValue
    from swarmnet.model.report import Claim
    from swarmnet.model.verification import Matrix
    from swarmnet.verify.scenario import Answers, Setup


RESTS_ON: dict[CauseId, tuple[str, ...]] = {
    CauseId.RULES_FLUSHED: ("mark",),
    CauseId.NO_ESP_SENT: ("ipsec",),
    CauseId.ESP_UNDELIVERED: ("ipsec",),
    CauseId.ESP_BLOCKED: (),
    CauseId.TRANSLATED: (),
}
"""Why ESP is lost, to what else explains that; where captures were not asked, both may."""


PASSAGES: dict[Callable[[str, str], Claim] | None, tuple[str, ...]] = {
    claims.vxlan: ("vxlan",),
    claims.esp: ("esp", "vxlan"),
    claims.learned: ("gossip",),
}
"""What the hosts themselves must let through for each carrier; ESP carries VXLAN, which meets the firewall, too."""
ENTRIES_FIX = (
    "this network's forwarding entries are incomplete: restart the tasks that are not reached (engines up to 29.8 lose"
    " entries after a partition)"
)


def explain(setup: Setup, answers: Answers, matrices: Collection[Matrix]) -> tuple[Verdict, ...]:
    """Return one verdict a cause for every failed pair of every matrix; none where nothing failed."""
    by_network: dict[str, list[Matrix]] = defaultdict(list)
    for matrix in pairs_of(matrices):
        by_network[matrix.network].append(matrix)
    evidence = {name: read(found, heard(answers, name)) for name, found in by_network.items()}
    full = neighbour_table.crammed(answers, evidence)
    crammed = {name: neighbour_table.touched(full, one.failed) for name, one in evidence.items()}
    verdicts: list[Verdict] = [*neighbour_table.explain(full, {n: p for n, p in crammed.items() if p})]
    evidence = {name: one.without(crammed[name]) for name, one in evidence.items()}
    wrong = {name: checksums.spoiled(answers, by_network[name], one) for name, one in evidence.items()}
    verdicts += checksums.explain(answers, wrong)
    evidence = {name: one.without(wrong[name]) for name, one in evidence.items()}
    starved = {name: lossy.starved(answers, name, matrices, one) for name, one in evidence.items()}
    verdicts += lossy.explain(starved, frozenset(pair for one in evidence.values() for pair in one.tested))
    evidence = {name: one.without(starved[name]) for name, one in evidence.items()}
    incapable = without_esp(answers)
    encrypted = {net.spec.name for net in setup.networks if net.spec.encrypted}
    for names, one in _alike(evidence, encrypted):
        travels_as_esp = names[0] in encrypted
        hopeless = frozenset(p for p in one.blocked if set(p) & incapable) if travels_as_esp else frozenset()
        if hopeless:
            verdicts.append(_no_esp(names, incapable, hopeless))
        healthy = [name for name, other in evidence.items() if not other.blocked and name not in names]
        lost = one.blocked - hopeless
        silent = unlearned(setup, answers, names, lost)
        verdicts += [_unlearned(names, reach, healthy) for reach in decompose(silent, one.tested)]
        verdicts += [
            _blocked((setup, answers), names, reach, healthy, encrypted=travels_as_esp)
            for part in (apart if travels_as_esp else _whole)(setup, answers, lost - silent)
            for reach in decompose(part, one.tested)
        ]
        verdicts += [_stalled(names, reach) for reach in decompose(one.stalled, one.tested)]
        verdicts += [_partial(names, reach) for reach in decompose(one.partial, one.tested)]
    others = (resolvers.explain, no_ipvs.explain, ingress_causes.explain, firewall.explain)
    return (*verdicts, *(verdict for other in others for verdict in other(setup, answers)))


def _whole(_setup: Setup, _answers: Answers, pairs: frozenset[Pair]) -> tuple[frozenset[Pair], ...]:
    return (pairs,)


def _alike(evidence: dict[str, Evidence], encrypted: set[str]) -> list[tuple[tuple[str, ...], Evidence]]:
    """Return networks with the same failed pairs together; encrypted ones apart, since they travel otherwise."""
    groups: dict[tuple[bool, Evidence], list[str]] = defaultdict(list)
    for name, one in evidence.items():
        groups[name in encrypted, one].append(name)
    return [(tuple(sorted(names)), one) for (_, one), names in groups.items()]


def _verdict(
    names: tuple[str, ...], shape: tuple[CauseId, Shape | None], pairs: frozenset[Pair], *, detail: str, fix: str
) -> Verdict:
    """Return one cause's verdict; ``evidence.cause`` also tells the shape of the failed pairs."""
    listed: list[JsonValue] = [list(pair) for pair in sorted(pairs)]
    cause, form = shape
    return Verdict(
        scenario=Group.MATRIX,
        subject=f"network {names[0]}" if len(names) == 1 else f"networks {', '.join(names)}",
        status=Status.FAILED,
        detail=detail,
        cause=cause,
        fix=fix,
        evidence={"cause": f"{cause}-{form}" if form else cause, "networks": [*names], "pairs": listed},
    )


def _placed(
    verdict: Verdict,
    names: tuple[str, ...],
    reach: Reach,
    *,
    carrier: Callable[[str, str], Claim] | None,
    rest: Iterable[str] = (),
) -> Verdict:
    """Return a verdict on lost directions with what it proved broken, and what each of them needed.

    ``carrier`` is what the underlay was proved to lose; ``rest`` are the kinds of places, besides the ends, that may
    explain it.
    """
    pairs = sorted(reach.pairs)
    broken = {claims.overlay(name, *pair) for name in names for pair in pairs}
    broken |= {carrier(*pair) for pair in pairs} if carrier else set()
    needed = []
    for source, target in pairs:
        ends = {claims.node(source), claims.node(target), *map(claims.allocated, names)}
        ends |= claims.both(claims.learned, source, target) - broken
        ends |= claims.both(claims.flows, source, target)
        ends |= {claims.passage(kind, source, target) for kind in PASSAGES.get(carrier, ())}
        more = {
            "mark": {claims.mark(source, name) for name in names},
            "ipsec": {claims.ipsec(source, target), claims.ipsec_drops(target)},
        }
        needed.append(frozenset(ends.union(*(more[kind] for kind in rest))))
    return verdict.model_copy(update={"broken": frozenset(broken), "needed": tuple(needed)})


def _no_esp(names: tuple[str, ...], incapable: frozenset[str], pairs: frozenset[Pair]) -> Verdict:
    hosts = ", ".join(sorted(incapable))
    verdict = _verdict(
        names,
        (CauseId.NO_ESP, None),
        pairs,
        detail=f"the kernel of {hosts} cannot do ESP (it refuses an ESP state with AES-GCM), so encrypted overlays"
        " carry"
        f" nothing from or to it; {count(len(pairs), 'pair')} could not be tested",
        fix="use a kernel with CONFIG_INET_ESP and AES-GCM (modprobe esp4), or recreate the network without encryption",
    )
    broken = claims.esp_kernels(*incapable)
    return verdict.model_copy(update={"status": Status.INCONCLUSIVE, "broken": broken})


def _unlearned(names: tuple[str, ...], reach: Reach, healthy: list[str]) -> Verdict:
    """Return the verdict on hosts that send nothing because they do not know where to: on one network, or on all."""
    why = "the sender has not learned where the receiver's containers are"
    detail = f"{_sentence(reach, 'overlay traffic')}: {why}"
    if healthy:
        repair = f"{', '.join(healthy)} works between them, so gossip passes: {ENTRIES_FIX}"
        verdict = _verdict(names, (CauseId.NETWORK, reach.shape), reach.pairs, detail=detail, fix=repair)
        return _placed(verdict, names, reach, carrier=None)
    repair = gossip_cause.fix(reach, _way(reach))
    verdict = _verdict(names, (CauseId.GOSSIP, reach.shape), reach.pairs, detail=detail, fix=repair)
    return _placed(verdict, names, reach, carrier=claims.learned)


def _blocked(
    seen: tuple[Setup, Answers], names: tuple[str, ...], reach: Reach, healthy: list[str], *, encrypted: bool
) -> Verdict:
    setup, answers = seen
    carrier = "ESP (IP protocol 50)" if encrypted else f"UDP {setup.data_path_port}"
    plain_healthy = [name for name in healthy if not is_encrypted(setup, name)]
    if plain_healthy and not encrypted:
        fix = f"{', '.join(plain_healthy)} works between them, so {carrier} passes: {ENTRIES_FIX}"
        detail = _sentence(reach, "overlay traffic")
        verdict = _verdict(names, (CauseId.NETWORK, reach.shape), reach.pairs, detail=detail, fix=fix)
        return _placed(verdict, names, reach, carrier=None)
    lost = claims.esp if encrypted else claims.vxlan
    sentence, down = _sentence(reach, carrier), _down(setup, reach)
    if down:
        fix = f"the managers report {down} as not ready: start its engine first, then run verify again"
        verdict = _verdict(names, (CauseId.UNDERLAY, reach.shape), reach.pairs, detail=sentence, fix=fix)
        return _placed(verdict, names, reach, carrier=lost)
    why = why_blocked(setup, answers, reach.pairs) if encrypted else None
    if why is not None:
        verdict = _verdict(names, (why.cause, None), reach.pairs, detail=f"{sentence}: {why.detail}", fix=why.fix)
        proved = None if why.cause is CauseId.RULES_FLUSHED else lost
        return _placed(verdict, names, reach, carrier=proved, rest=RESTS_ON[why.cause])
    fix = f"allow {carrier} {_way(reach)} in host firewalls and security groups" + (
        "" if encrypted else "; match the destination port only, because each flow has another source port"
    )
    if reach.shape is Shape.ALL and not encrypted:
        fix += (
            "; if none of them drops it, the network itself may use that port (VMware NSX does): make the swarm with"
            " another one (docker swarm init --data-path-port)"
        )
    verdict = _verdict(names, (CauseId.UNDERLAY, reach.shape), reach.pairs, detail=sentence, fix=fix)
    return _placed(verdict, names, reach, carrier=lost, rest=("mark", "ipsec") if encrypted else ())


def _down(setup: Setup, reach: Reach) -> str:
    nodes = {host: setup.state.node_of(host) for host in reach.hosts}
    return ", ".join(host for host, node in nodes.items() if node is not None and node.status != "ready")


def _stalled(names: tuple[str, ...], reach: Reach) -> Verdict:
    verdict = _verdict(
        names,
        (CauseId.MTU, reach.shape),
        reach.pairs,
        detail=f"small packets pass but a TCP transfer of 1 MiB stalls {_way(reach)}: full-size packets are lost",
        fix="compare the underlay's MTU with the overlay's, which must be 50 bytes less (76 less if encrypted):"
        " recreate the"
        " network with the underlay's MTU (`mtu:` in the playbook)",
    )
    needed = tuple(
        frozenset(
            place
            for name in names
            for place in (
                *large_packets(name, pair),
                *steadily(name, pair),
                claims.whole(name, *pair),
                claims.whole(name, *pair[::-1]),
            )
        )
        for pair in sorted(reach.pairs)
    )
    return verdict.model_copy(update={"needed": needed})


def _partial(names: tuple[str, ...], reach: Reach) -> Verdict:
    verdict = _verdict(
        names,
        (CauseId.PARTIAL, reach.shape),
        reach.pairs,
        detail=f"some protocols pass and others do not {_way(reach)}: the matrices show which",
        fix="if only ICMP passes, try without checksum offload (ethtool -K IF tx-checksum-ip-generic off); if one"
        " protocol"
        " is blocked, look for firewall rules on the overlay's inner traffic",
    )
    return verdict.model_copy(
        update={"needed": tuple(claims.both(claims.flows, *pair) for pair in sorted(reach.pairs))}
    )


def _sentence(reach: Reach, carrier: str) -> str:
    first, last = (reach.hosts[0], reach.hosts[-1]) if reach.hosts else ("", "")
    return {
        Shape.ALL: f"no host reaches any other over {carrier}",
        Shape.ISOLATED: f"{first} is cut off: it neither sends to nor receives from any other host over {carrier}",
        Shape.INBOUND: f"{first} receives nothing from any other host over {carrier}",
        Shape.OUTBOUND: f"nothing that {first} sends over {carrier} arrives at any other host",
        Shape.BETWEEN: f"nothing passes between {first} and {last} in either direction over {carrier}",
        Shape.ONE_WAY: f"nothing that {first} sends over {carrier} reaches {last}",
    }[reach.shape] + f" (explains {count(_explained(reach), 'failed pair')})"


def _explained(reach: Reach) -> int:
    """Return how many pairs a lost direction takes down: no round trip works without both."""
    return len(reach.pairs | {(target, source) for source, target in reach.pairs})


def _way(reach: Reach) -> str:
    first, last = (reach.hosts[0], reach.hosts[-1]) if reach.hosts else ("", "")
    return {
        Shape.ALL: "between all nodes, both ways",
        Shape.ISOLATED: f"to and from {first}",
        Shape.INBOUND: f"into {first} from all nodes",
        Shape.OUTBOUND: f"out of {first} to all nodes",
        Shape.BETWEEN: f"between {first} and {last}, both ways",
        Shape.ONE_WAY: f"from {first} to {last}",
    }[reach.shape]
