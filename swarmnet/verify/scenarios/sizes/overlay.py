"""Scenario: packets of exactly the overlay's MTU pass between all hosts, and the underlay fragments none."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import absence, claims, keys
from swarmnet.verify.captures import COUNTERS, delta, observed_probes, peers_among, peers_of, place
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import ways_out
from swarmnet.verify.keys import PLACES, WAYS, outcomes
from swarmnet.verify.patterns import decompose
from swarmnet.verify.scenario import (
    PAIR,
    Answers,
    Findings,
    ObserverTask,
    ProbeTask,
    Question,
    Scenario,
    Setup,
    Turn,
    in_steps,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from swarmnet.model.base import JsonObject
    from swarmnet.model.network import Network
    from swarmnet.model.report import Claim
    from swarmnet.verify.patterns import Pair
    from swarmnet.verify.scenario import OverlayProbe

SIZES = keys.targets("sizes")
PLAIN, ENCRYPTED = 50, 76
"""Bytes around an overlay's packet: IP 20, UDP 8, VXLAN 8, Ethernet 14; ESP adds 26, padded to 4."""
BY_IPV6 = 20
"""Bytes more of a header by IPv6; engines take off as many as for IPv4 (moby, overlay maxMTU)."""
DEFAULT = 1500
"""What engines take for the underlay's MTU where the network names none."""
LEAST = 1280
"""Bytes that any underlay carries (the least MTU of IPv6): a path below that is broken."""
Cuts = dict[str, dict["Pair", tuple[int, bool]]]
"""Network to the pairs that it does not serve whole, each with a size and whether that is exact."""
FRAGMENTS = ("FragCreates", "ReasmReqds")
TOO_LARGE = "too large"
FRAGMENTS_FIX = "give the networks the underlay's MTU; the host's other traffic may also cause fragments"


class OverlayMtu(Scenario):
    """The boundary is exact: the interface's MTU passes whole, one byte more is refused at the sender."""

    name: ClassVar[str] = "mtu"
    summary: ClassVar[str] = "packets of exactly the overlay's MTU pass, without fragments on the underlay"
    needs_observer: ClassVar[bool] = True
    turn: ClassVar[Turn] = Turn.CAPTURE

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask for every MTU and for fragments so far; then send full-size packets; then count again."""
        probes = observed_probes(setup)
        return in_steps(
            answers,
            lambda: [question for probe in probes for question in self._before(setup, probe)],
            lambda: [
                ProbeTask(probe.host, SIZES.on(net.spec.name).name, task)
                for probe in probes
                for net in setup.networks
                if (task := _task(setup, answers, probe, net))
            ],
            lambda: [ObserverTask(probe.host, COUNTERS[1].name, {"kind": "counters"}) for probe in probes],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each cause, whatever networks it touches, and one for each network that is fine.

        A device that is too small, and a path that is, cut every network: what is to be written is one number.
        """
        small: Cuts = {net.spec.name: self._small(setup, answers, net) for net in setup.networks}
        found = {net.spec.name: self._results(setup, answers, net.spec.name) for net in setup.networks}
        cut: Cuts = {
            name: {pair: size for pair, size in results[0].items() if pair not in small[name]}
            for name, results in found.items()
        }
        verdicts = [self._too_small(setup, answers, pairs, small) for pairs in _together(setup, _all(small))]
        verdicts += [self._cut(setup, pairs, cut) for pairs in _together(setup, _all(cut))]
        for net in setup.networks:
            hurt = bool(small[net.spec.name] or cut[net.spec.name])
            verdicts += self._network(setup, answers, net, None if hurt else found[net.spec.name][1])
        return Findings((*verdicts, *self._fragments(setup, answers)))

    def _before(self, setup: Setup, probe: OverlayProbe) -> list[Question]:
        return [
            ProbeTask(probe.host, PLACES.name, {"kind": "places"}),
            ObserverTask(probe.host, COUNTERS[0].name, {"kind": "counters"}),
            ways(setup, probe.host),
        ]

    def _small(self, setup: Setup, answers: Answers, network: Network) -> dict[Pair, tuple[int, bool]]:
        """Return the pairs whose sender's device cannot carry the network's packets, with the device's MTU."""
        return {
            (probe.host, peer): (underlay, True)
            for probe in observed_probes(setup)
            if (has := overlay_mtu(answers, probe, network.spec.name))
            for peer, underlay in underlays(answers, probe.host).items()
            if has > carried(underlay - _more(setup, peer), encrypted=bool(network.spec.encrypted))
        }

    def _network(
        self, setup: Setup, answers: Answers, network: Network, untested: dict[Pair, str] | None
    ) -> list[Verdict]:
        """Return what is wrong with one network alone; ``untested`` None means that its fault is reported elsewhere."""
        name, probes = network.spec.name, observed_probes(setup)
        odd = {
            probe.host: has
            for probe in probes
            if (has := overlay_mtu(answers, probe, name)) and has != configured(network)
        }
        if odd:
            return [self._odd(network, odd)]
        if untested is None:
            return []
        if mistaken := _mistaken(setup, answers, network):
            return [self._option(network, mistaken)]
        if untested or len(probes) < PAIR:
            why = [f"{source} -> {target}: {words}" for (source, target), words in untested.items()]
            if not why:
                return [absence.untested(setup, self.name, f"network {name}", absence.TOO_FEW)]
            verdict = self.verdict(f"network {name}", Status.INCONCLUSIVE, f"the boundary was not found: {why[0]}")
            needed = tuple(claims.exchange(setup, name, *pair) for pair in untested)
            return [verdict.model_copy(update={"needed": needed})]
        tested = sum(len(peers_of(setup, probe.host)) for probe in probes)
        detail = (
            f"exactly {configured(network)} bytes pass between all {tested} pairs; the sender refuses one byte more"
            + _unused(setup, answers, network)
        )
        return [self.verdict(f"network {name}", Status.OK, detail)]

    def _results(
        self, setup: Setup, answers: Answers, name: str
    ) -> tuple[dict[Pair, tuple[int, bool]], dict[Pair, str]]:
        """Return the pairs where less than the MTU passes, with what does and whether that is exact; why not others."""
        cut: dict[Pair, tuple[int, bool]] = {}
        untested: dict[Pair, str] = {}
        for probe in observed_probes(setup):
            found, problem = outcomes(answers, probe.host, SIZES.on(name))
            for peer in peers_of(setup, probe.host):
                outcome = found.get(peer, {})
                largest = outcome.get("largest")
                if problem or not isinstance(largest, int) or not largest:
                    untested[probe.host, peer] = str(problem or outcome.get("why") or "no answer")
                elif not outcome.get("ok"):
                    cut[probe.host, peer] = (largest, outcome.get("exact") is True)
                elif outcome.get("beyond") != TOO_LARGE:
                    untested[probe.host, peer] = "the sender accepted one byte more"
        return cut, untested

    def _too_small(self, setup: Setup, answers: Answers, pairs: frozenset[Pair], small: Cuts) -> Verdict:
        nets = _cut_nets(setup, pairs, small)
        underlay = min(small[net.spec.name][pair][0] for net in nets for pair in pairs & small[net.spec.name].keys())
        hosts, names = sorted({source for source, _ in pairs}), ", ".join(net.spec.name for net in nets)
        fits = underlay - max(_more(setup, target) for _, target in pairs)
        taken = "" if fits == underlay else f", of which a header of IPv6 takes {BY_IPV6} bytes more than engines leave"
        sends = "; ".join(
            f"containers on {net.spec.name} send up to {configured(net)} bytes, but"
            f" only {carried(fits, encrypted=bool(net.spec.encrypted))} fit"
            for net in nets
        )
        return Verdict(
            scenario=self.name,
            subject=_subject(nets),
            status=Status.FAILED,
            detail=f"the underlay of {', '.join(hosts)} has an MTU of {underlay}{taken}: {sends}; full-size packets"
            " are lost or fragmented",
            fix=f"{_raised(setup, answers, hosts, underlay)}, or recreate {names} and the ingress network with mtu:"
            f" {fits}",
            cause=CauseId.UNDERLAY_MTU,
            evidence={"cause": CauseId.UNDERLAY_MTU, "pairs": [[*pair] for pair in sorted(pairs)], "hosts": [*hosts]},
            broken=frozenset(claims.fitting(net.spec.name, *pair) for net in nets for pair in pairs),
        )

    def _cut(self, setup: Setup, pairs: frozenset[Pair], cut: Cuts) -> Verdict:
        nets = _cut_nets(setup, pairs, cut)
        found = {net.spec.name: _boundary(cut[net.spec.name], pairs) for net in nets}
        passing = "; ".join(
            f"on {name} packets of {'up to' if exact else 'at least'} {size} bytes pass and larger ones are lost"
            for name, (size, exact) in found.items()
        )
        path = min(found[net.spec.name][0] + (ENCRYPTED if net.spec.encrypted else PLAIN) for net in nets)
        names = ", ".join(found)
        return Verdict(
            scenario=self.name,
            subject=_subject(nets),
            status=Status.FAILED,
            detail=f"{passing}: {', '.join(f'{source} -> {target}' for source, target in sorted(pairs))};"
            " the hosts' devices carry more",
            fix=f"something between the hosts has a smaller MTU, or drops fragments: {advice(path, names)}",
            cause=CauseId.PATH_MTU,
            evidence={
                "cause": CauseId.PATH_MTU,
                "pairs": [[*pair] for pair in sorted(pairs)],
                "largest": min(size for size, _ in found.values()),
            },
            broken=frozenset(claims.whole(name, *pair) for name in found for pair in pairs),
            needed=tuple(
                frozenset().union(*(large_packets(name, pair) | steadily(name, pair) for name in found))
                for pair in pairs
            ),
        )

    def _odd(self, network: Network, odd: dict[str, int]) -> Verdict:
        seen = ", ".join(f"{host} {mtu}" for host, mtu in sorted(odd.items()))
        detail = f"containers on {network.spec.name} should have an MTU of {configured(network)}, but have: {seen}"
        return self.verdict(f"network {network.spec.name}", Status.WARNING, detail, cause=CauseId.ODD_MTU)

    def _option(self, network: Network, underlay: int) -> Verdict:
        name, wrong = network.spec.name, network.spec.mtu
        fits = carried(underlay, encrypted=bool(network.spec.encrypted))
        return self.verdict(
            f"network {name}",
            Status.WARNING,
            f"{name} has the MTU option {wrong}, which is what its containers should have; engines take it for that of"
            f" the underlay, which is {underlay}: containers send up to {configured(network)} bytes, and {fits} would"
            " fit",
            f"recreate {name} with mtu: {underlay}, or without the option where that is {DEFAULT}",
            cause=CauseId.MTU_OPTION,
        )

    def _fragments(self, setup: Setup, answers: Answers) -> list[Verdict]:
        verdicts = []
        for probe in observed_probes(setup):
            grown = delta(answers, probe.host, "ip")
            if grown is None:
                detail = f"{probe.host} did not report its fragment counters"
                verdicts.append(self.verdict(f"host {probe.host}", Status.INCONCLUSIVE, detail))
            elif any(grown.get(name, 0) > 0 for name in FRAGMENTS):
                what = ", ".join(f"{name} +{grown.get(name, 0)}" for name in FRAGMENTS)
                detail = f"the underlay of {probe.host} carried fragments while full-size packets were sent: {what}"
                verdict = self.verdict(
                    f"host {probe.host}", Status.FAILED, detail, FRAGMENTS_FIX, cause=CauseId.FRAGMENTS
                )
                needed = (_around(setup, probe.host),)
                verdicts.append(verdict.model_copy(update={"needed": needed}))
        return verdicts


def _more(setup: Setup, host: str) -> int:
    """Return how many bytes more the header to a host takes than engines leave for it."""
    return BY_IPV6 if any(":" in one.vtep for one in setup.observers if one.host == host) else 0


def _unused(setup: Setup, answers: Answers, network: Network) -> str:
    """Return what more the underlay carries than the network uses: a choice, and no fault."""
    found = {mtu for probe in observed_probes(setup) for mtu in underlays(answers, probe.host).values()}
    least, option = min(found, default=0), network.spec.mtu or DEFAULT
    if least <= option + ENCRYPTED:
        return ""
    return f"; the underlay carries {least}, and with mtu: {least} fewer and larger packets would do"


def _mistaken(setup: Setup, answers: Answers, network: Network) -> int | None:
    """Return the underlay's MTU where the network's option is less by exactly what engines take off themselves."""
    found = {mtu for probe in observed_probes(setup) for mtu in underlays(answers, probe.host).values()}
    underlay, option = min(found, default=0), network.spec.mtu
    return underlay if option and option in (underlay - PLAIN, carried(underlay, encrypted=True)) else None


def advice(path: int, names: str) -> str:
    """Return what to write where a path carries packets up to a size; of one that is too small for IP, to fix it."""
    if path < LEAST:
        return (
            f"fix the path: one that carries only {path} bytes is broken, so do not lower the MTU to fit it; an agent"
            " in a hypervisor may drop larger packets (vmw_conn_notifyd of NSX does: update or stop it)"
        )
    return f"fix it, or recreate {names} with mtu: {path}"


def _all(cuts: Cuts) -> frozenset[Pair]:
    return frozenset(pair for pairs in cuts.values() for pair in pairs)


def _cut_nets(setup: Setup, pairs: frozenset[Pair], cuts: Cuts) -> list[Network]:
    return [net for net in setup.networks if pairs & cuts[net.spec.name].keys()]


def _boundary(cut: dict[Pair, tuple[int, bool]], pairs: frozenset[Pair]) -> tuple[int, bool]:
    """Return the smallest size at which these pairs are cut; what was found exactly counts more than what was not."""
    found = [cut[pair] for pair in pairs if pair in cut]
    return min([one for one in found if one[1]] or found)


def _subject(nets: list[Network]) -> str:
    return f"network{'s' if nets[1:] else ''} {', '.join(net.spec.name for net in nets)}"


def steadily(network: str, pair: Pair) -> frozenset[Claim]:
    """Return the claims that packets between two hosts arrive in both directions, with little loss."""
    return claims.both(lambda one, other: claims.steady(network, one, other), *pair)


def large_packets(network: str, pair: Pair) -> frozenset[Claim]:
    """Return what full-size packets of a network need to get from one host to another and to be answered."""
    return claims.both(claims.path, *pair) | claims.both(lambda one, other: claims.fitting(network, one, other), *pair)


def _around(setup: Setup, host: str) -> frozenset[Claim]:
    """Return what keeps fragments from a host: each large packet from or to it may break."""
    peers = [one.host for one in observed_probes(setup) if one.host != host]
    return frozenset(
        place for net in setup.networks for peer in peers for place in large_packets(net.spec.name, (host, peer))
    )


def carried(underlay: int, *, encrypted: bool) -> int:
    """Return the largest overlay packet that fits an underlay's MTU whole."""
    return (underlay - ENCRYPTED) // 4 * 4 if encrypted else underlay - PLAIN


def configured(network: Network) -> int:
    """Return the MTU that the engine's driver gives to containers (``maxMTU`` of overlay, engines 20.10 to 28.5)."""
    return carried(network.spec.mtu or DEFAULT, encrypted=bool(network.spec.encrypted))


def overlay_mtu(answers: Answers, probe: OverlayProbe, network: str) -> int | None:
    """Return the MTU of the probe's interface on a network; None when it did not tell."""
    mtu = place(answers, probe.host, probe.addresses.get(network, "")).get("mtu")
    return mtu if isinstance(mtu, int) else None


def ways(setup: Setup, host: str) -> ObserverTask:
    """Ask a host for the MTU with which it sends to every peer whose paths some scenario measures."""
    measured = {*peers_among(setup.watched, host)}
    if host in {probe.host for probe in observed_probes(setup)}:
        measured |= {*peers_of(setup, host)}
    return ObserverTask(host, WAYS.name, {"kind": "ways", "targets": vteps(setup, measured)})


def vteps(setup: Setup, hosts: Collection[str]) -> JsonObject:
    """Return the addresses on the underlay of these hosts."""
    return {observer.host: observer.vtep for observer in setup.observers if observer.host in hosts}


def underlays(answers: Answers, host: str) -> dict[str, int]:
    """Return the MTU with which a host sends to each peer, from its device or route."""
    return {peer: mtu for peer, way in ways_out(answers, host).items() if isinstance(mtu := way.get("mtu"), int)}


def _raised(setup: Setup, answers: Answers, hosts: list[str], mtu: int) -> str:
    """Return what to raise: the devices of these hosts alone where all others have a larger MTU."""
    others = [probe.host for probe in observed_probes(setup) if probe.host not in hosts]
    larger = [size for host in others for size in underlays(answers, host).values()]
    if not larger or min(larger) <= mtu:
        return "raise the underlay's MTU"
    return f"raise the MTU of the underlay's device on {', '.join(hosts)} to {min(larger)}, as the other hosts have it"


def _task(setup: Setup, answers: Answers, probe: OverlayProbe, network: Network) -> JsonObject | None:
    name = network.spec.name
    size = overlay_mtu(answers, probe, name)
    by_host = {one.host: one for one in observed_probes(setup)}
    targets: JsonObject = {peer: by_host[peer].addresses[name] for peer in peers_of(setup, probe.host)}
    return {"kind": "sizes", "size": size, "targets": targets} if size else None


def _together(setup: Setup, found: Collection[Pair]) -> list[frozenset[Pair]]:
    """Return the pairs that have one explanation together."""
    tested = frozenset((s.host, peer) for s in observed_probes(setup) for peer in peers_of(setup, s.host))
    return [reach.pairs for reach in decompose(frozenset(found), tested)]
