"""Scenario: between hosts, packets of the underlay's full MTU pass whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.scenarios.interface import Answers, Findings, Question, Scenario, Scene, WitnessTask, outcomes
from swarmnet.scenarios.mtu import WAYS, underlays
from swarmnet.scenarios.sightings import cast, peers_of
from swarmnet.scenarios.staged import staged

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.scenarios.interface import Station

SIZES = "wire/sizes"


class UnderlayMtu(Scenario):
    """A path that carries less than the devices at its ends say loses packets in silence."""

    name: ClassVar[str] = "underlay-mtu"
    summary: ClassVar[str] = "packets of the underlay's full MTU pass whole between hosts"
    needs_witness: ClassVar[bool] = True

    def ask(self, scene: Scene, answers: Answers) -> tuple[Question, ...]:
        """Ask every witness for the MTU towards each peer, then for an echo of that size."""
        stations = cast(scene)
        return staged(
            answers,
            lambda: [WitnessTask(s.host, WAYS, {"kind": "ways", "targets": _vteps(scene, s)}) for s in stations],
            lambda: [
                WitnessTask(s.host, f"{SIZES}/{size}", {"kind": "sizes", "size": size, "targets": targets})
                for s in stations
                for size, targets in _by_size(scene, answers, s).items()
            ],
        )

    def judge(self, scene: Scene, answers: Answers) -> Findings:
        """Return one verdict for all, or one for each pair whose path is narrower than its ends."""
        verdicts, silent = [], []
        for station in cast(scene):
            for size, targets in _by_size(scene, answers, station).items():
                found, problem = outcomes(answers, station.host, f"{SIZES}/{size}")
                for peer in targets:
                    largest = found.get(peer, {}).get("largest")
                    if problem or not isinstance(largest, int) or not largest:
                        silent.append(f"{station.host} -> {peer}: {problem or 'no ICMP echo passes at all'}")
                    elif largest < size:
                        verdicts.append(self._narrow((station.host, peer), size, largest))
        missing = [s.host for s in cast(scene) if not underlays(answers, s.host) and peers_of(scene, s.host)]
        silent += [f"{host} did not tell its MTU" for host in missing]
        if silent or len(cast(scene)) < 2:  # noqa: PLR2004 - two ends
            why = silent[0] if silent else "fewer than two hosts have a witness"
            verdicts.append(self._verdict(Status.INCONCLUSIVE, f"some paths were not measured: {why}"))
        sizes = {size for station in cast(scene) for size in underlays(answers, station.host).values()}
        fine = f"packets of {', '.join(map(str, sorted(sizes)))} bytes pass whole between all hosts"
        return Findings(tuple(verdicts) or (self._verdict(Status.OK, fine),))

    def _narrow(self, pair: tuple[str, str], size: int, largest: int) -> Verdict:
        source, target = pair
        return Verdict(
            scenario=self.name,
            subject=f"{source} -> {target}",
            status=Status.FAILED,
            detail=f"the path from {source} to {target} carries packets of {largest} bytes, but {source} sends up to"
            f" {size}",
            fix="mend the switch or tunnel between them, or give the underlay's devices that MTU; until then networks"
            f" need mtu: {largest}",
            evidence={"cause": "path-mtu", "pairs": [[source, target]], "largest": largest, "device": size},
        )

    def _verdict(self, status: Status, detail: str) -> Verdict:
        return Verdict(scenario=self.name, subject="underlay", status=status, detail=detail)


def _vteps(scene: Scene, station: Station) -> JsonObject:
    peers = peers_of(scene, station.host)
    return {one.host: one.vtep for one in scene.witnesses if one.host in peers}


def _by_size(scene: Scene, answers: Answers, station: Station) -> dict[int, JsonObject]:
    """Return the peers' addresses by the MTU with which the host sends to them."""
    vteps = _vteps(scene, station)
    found: dict[int, JsonObject] = {}
    for peer, mtu in underlays(answers, station.host).items():
        if peer in vteps:
            found.setdefault(mtu, {})[peer] = vteps[peer]
    return found
