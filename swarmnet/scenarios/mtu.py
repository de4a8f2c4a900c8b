"""Scenario: packets of exactly the overlay's MTU pass between all hosts, and the underlay breaks none to pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.scenarios import absence, places
from swarmnet.scenarios.interface import (
    Answers,
    Findings,
    ProbeTask,
    Question,
    Scenario,
    Scene,
    WitnessTask,
    outcomes,
)
from swarmnet.scenarios.patterns import decompose
from swarmnet.scenarios.sightings import COUNTERS, PLACES, cast, delta, peers_among, peers_of, place
from swarmnet.scenarios.staged import staged

if TYPE_CHECKING:
    from collections.abc import Collection

    from swarmnet.model.base import JsonObject
    from swarmnet.model.network import Network
    from swarmnet.model.report import Place
    from swarmnet.scenarios.interface import Station
    from swarmnet.scenarios.patterns import Pair

WAYS = "wire/ways"
PLAIN, ENCRYPTED = 50, 76
"""Bytes around an overlay's packet: IP 20, UDP 8, VXLAN 8, Ethernet 14; ESP adds 26, padded to 4."""
DEFAULT = 1500
"""What engines take for the underlay's MTU where the network names none."""
FRAGMENTS = ("FragCreates", "ReasmReqds")
TOO_LARGE = "too large"


class OverlayMtu(Scenario):
    """The boundary is exact: the interface's MTU passes whole, one byte more is refused at the sender."""

    name: ClassVar[str] = "mtu"
    summary: ClassVar[str] = "packets of exactly the overlay's MTU pass, without fragments on the underlay"
    needs_witness: ClassVar[bool] = True
    quiet: ClassVar[bool] = True

    def ask(self, scene: Scene, answers: Answers) -> tuple[Question, ...]:
        """Ask for every MTU and for fragments so far; then send full-size packets; then count again."""
        stations = cast(scene)
        return staged(
            answers,
            lambda: [question for station in stations for question in self._before(scene, station)],
            lambda: [
                ProbeTask(station.host, f"sizes/{net.spec.name}", task)
                for station in stations
                for net in scene.networks
                if (task := _task(scene, answers, station, net))
            ],
            lambda: [WitnessTask(station.host, COUNTERS[1], {"kind": "counters"}) for station in stations],
        )

    def judge(self, scene: Scene, answers: Answers) -> Findings:
        """Return one verdict a network, and one for each host that fragments."""
        verdicts = [verdict for net in scene.networks for verdict in self._network(scene, answers, net)]
        return Findings((*verdicts, *self._fragments(scene, answers)))

    def _before(self, scene: Scene, station: Station) -> list[Question]:
        return [
            ProbeTask(station.host, PLACES, {"kind": "places"}),
            WitnessTask(station.host, COUNTERS[0], {"kind": "counters"}),
            ways(scene, station.host),
        ]

    def _network(self, scene: Scene, answers: Answers, network: Network) -> list[Verdict]:
        name, stations = network.spec.name, cast(scene)
        small = {
            (station.host, peer): (has, underlay)
            for station in stations
            if (has := overlay_mtu(answers, station, name))
            for peer, underlay in underlays(answers, station.host).items()
            if has > carried(underlay, encrypted=network.spec.encrypted)
        }
        cut, untested = self._results(scene, answers, name)
        verdicts = [self._too_small(network, pairs, small[min(pairs)]) for pairs in _together(scene, small)]
        lost = {pair: largest for pair, largest in cut.items() if pair not in small}
        verdicts += [self._cut(name, pairs, lost[min(pairs)]) for pairs in _together(scene, lost)]
        odd = {
            station.host: has
            for station in stations
            if (has := overlay_mtu(answers, station, name)) and has != configured(network)
        }
        if odd:
            verdicts.append(self._odd(network, odd))
        if verdicts:
            return verdicts
        if untested or len(stations) < 2:  # noqa: PLR2004 - two ends
            why = [f"{source} -> {target}: {words}" for (source, target), words in untested.items()]
            if not why:
                return [absence.untested(scene, self.name, f"network {name}", absence.TOO_FEW)]
            verdict = self._verdict(name, Status.INCONCLUSIVE, f"the boundary was not found: {why[0]}")
            needed = tuple(places.exchange(scene, name, *pair) for pair in untested)
            return [verdict.model_copy(update={"needed": needed})]
        tested = sum(len(peers_of(scene, station.host)) for station in stations)
        detail = (
            f"exactly {configured(network)} bytes pass between all {tested} pairs, one more is refused at the sender"
        )
        return [self._verdict(name, Status.OK, detail)]

    def _results(
        self, scene: Scene, answers: Answers, name: str
    ) -> tuple[dict[Pair, tuple[int, bool]], dict[Pair, str]]:
        """Return the pairs where less than the MTU passes, with what does and whether that is exact; why not others."""
        cut: dict[Pair, tuple[int, bool]] = {}
        untested: dict[Pair, str] = {}
        for station in cast(scene):
            found, problem = outcomes(answers, station.host, f"sizes/{name}")
            for peer in peers_of(scene, station.host):
                outcome = found.get(peer, {})
                largest = outcome.get("largest")
                if problem or not isinstance(largest, int) or not largest:
                    untested[station.host, peer] = str(problem or outcome.get("why") or "no answer")
                elif not outcome.get("ok"):
                    cut[station.host, peer] = (largest, outcome.get("exact") is True)
                elif outcome.get("beyond") != TOO_LARGE:
                    untested[station.host, peer] = "one byte more was not refused by the sender"
        return cut, untested

    def _too_small(self, network: Network, pairs: frozenset[Pair], sizes: tuple[int, int]) -> Verdict:
        has, underlay = sizes
        name, is_encrypted = network.spec.name, network.spec.encrypted
        kind = "encrypted" if is_encrypted else "unencrypted"
        hosts = sorted({source for source, _ in pairs})
        return Verdict(
            scenario=self.name,
            subject=f"network {name}",
            status=Status.FAILED,
            detail=f"the underlay of {', '.join(hosts)} has an MTU of {underlay}: it carries"
            f" {carried(underlay, encrypted=is_encrypted)} bytes of a packet on an {kind} overlay, but containers on"
            f" {name} send up to {has}: full-size packets get lost or are broken to pieces",
            fix=f"raise the underlay's MTU, or make {name} again with mtu: {underlay}, and the ingress network, too",
            evidence={"cause": "underlay-mtu", "pairs": [[*pair] for pair in sorted(pairs)], "hosts": [*hosts]},
            broken=frozenset(places.fitting(name, *pair) for pair in pairs),
        )

    def _cut(self, name: str, pairs: frozenset[Pair], boundary: tuple[int, bool]) -> Verdict:
        largest, exact = boundary
        passes = f"packets of {'up to' if exact else 'at least'} {largest} bytes pass"
        return Verdict(
            scenario=self.name,
            subject=f"network {name}",
            status=Status.FAILED,
            detail=f"on {name} {passes} and larger ones are lost:"
            f" {', '.join(f'{source} -> {target}' for source, target in sorted(pairs))}; the hosts' devices carry more",
            fix="something between the hosts has a smaller MTU, or drops fragments (see underlay-mtu): make the network"
            " again with the path's MTU as its mtu",
            evidence={"cause": "path-mtu", "pairs": [[*pair] for pair in sorted(pairs)], "largest": largest},
            broken=frozenset(places.whole(name, *pair) for pair in pairs),
            needed=tuple(large_packets(name, pair) for pair in pairs),
        )

    def _odd(self, network: Network, odd: dict[str, int]) -> Verdict:
        seen = ", ".join(f"{host} {mtu}" for host, mtu in sorted(odd.items()))
        detail = f"containers on {network.spec.name} should have an MTU of {configured(network)}, but have: {seen}"
        return self._verdict(network.spec.name, Status.WARNING, detail)

    def _fragments(self, scene: Scene, answers: Answers) -> list[Verdict]:
        verdicts = []
        for station in cast(scene):
            grown = delta(answers, station.host, "ip")
            if grown is None:
                detail = f"{station.host} did not tell its counters of fragments"
                verdicts.append(self._host(station.host, Status.INCONCLUSIVE, detail))
            elif any(grown.get(name, 0) > 0 for name in FRAGMENTS):
                what = ", ".join(f"{name} +{grown.get(name, 0)}" for name in FRAGMENTS)
                detail = f"the underlay of {station.host} carried fragments while full-size packets were sent: {what}"
                verdict = self._host(station.host, Status.FAILED, detail)
                needed = (_around(scene, station.host),)
                verdicts.append(verdict.model_copy(update={"needed": needed}))
        return verdicts

    def _host(self, host: str, status: Status, detail: str) -> Verdict:
        fix = "give the networks the underlay's MTU; other traffic of the host may fragment, too: see what it sends"
        return Verdict(
            scenario=self.name,
            subject=f"host {host}",
            status=status,
            detail=detail,
            fix=fix if status is Status.FAILED else None,
        )

    def _verdict(self, network: str, status: Status, detail: str) -> Verdict:
        return Verdict(scenario=self.name, subject=f"network {network}", status=status, detail=detail)


def large_packets(network: str, pair: Pair) -> frozenset[Place]:
    """Return what full-size packets of a network need to get from one host to another and to be answered."""
    return places.both(places.path, *pair) | places.both(lambda one, other: places.fitting(network, one, other), *pair)


def _around(scene: Scene, host: str) -> frozenset[Place]:
    """Return what keeps fragments from a host: each large packet from or to it may break."""
    peers = [one.host for one in cast(scene) if one.host != host]
    return frozenset(
        place for net in scene.networks for peer in peers for place in large_packets(net.spec.name, (host, peer))
    )


def carried(underlay: int, *, encrypted: bool) -> int:
    """Return the largest overlay packet that fits an underlay's MTU whole."""
    return (underlay - ENCRYPTED) // 4 * 4 if encrypted else underlay - PLAIN


def configured(network: Network) -> int:
    """Return the MTU that the engine's driver gives to containers (``maxMTU`` of overlay, engines 20.10 to 28.5)."""
    return carried(network.spec.mtu or DEFAULT, encrypted=network.spec.encrypted)


def overlay_mtu(answers: Answers, station: Station, network: str) -> int | None:
    """Return the MTU of the probe's interface on a network; None when it did not tell."""
    mtu = place(answers, station.host, station.addresses.get(network, "")).get("mtu")
    return mtu if isinstance(mtu, int) else None


def ways(scene: Scene, host: str) -> WitnessTask:
    """Ask a host for the MTU with which it sends to every peer whose paths some scenario measures."""
    measured = {*peers_among(scene.watched, host)}
    if host in {station.host for station in cast(scene)}:
        measured |= {*peers_of(scene, host)}
    return WitnessTask(host, WAYS, {"kind": "ways", "targets": vteps(scene, measured)})


def vteps(scene: Scene, hosts: Collection[str]) -> JsonObject:
    """Return the addresses on the underlay of these hosts."""
    return {witness.host: witness.vtep for witness in scene.witnesses if witness.host in hosts}


def underlays(answers: Answers, host: str) -> dict[str, int]:
    """Return the MTU with which a host sends to each peer, from its device or route."""
    found, _ = outcomes(answers, host, WAYS)
    return {peer: mtu for peer, way in found.items() if isinstance(mtu := way.get("mtu"), int)}


def _task(scene: Scene, answers: Answers, station: Station, network: Network) -> JsonObject | None:
    name = network.spec.name
    size = overlay_mtu(answers, station, name)
    by_host = {one.host: one for one in cast(scene)}
    targets: JsonObject = {peer: by_host[peer].addresses[name] for peer in peers_of(scene, station.host)}
    return {"kind": "sizes", "size": size, "targets": targets} if size else None


def _together(scene: Scene, found: Collection[Pair]) -> list[frozenset[Pair]]:
    """Return the pairs that have one explanation together."""
    tested = frozenset((s.host, peer) for s in cast(scene) for peer in peers_of(scene, s.host))
    return [reach.pairs for reach in decompose(frozenset(found), tested)]
