"""Scenario: between hosts, packets of the underlay's full MTU pass whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import absence, claims, keys
from swarmnet.verify.captures import peers_among
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.patterns import Shape, decompose
from swarmnet.verify.scenario import Answers, Findings, ObserverTask, Question, Scenario, Setup, in_steps
from swarmnet.verify.scenarios.sizes.overlay import LEAST, underlays, vteps, ways

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Claim
    from swarmnet.verify.patterns import Pair, Reach

SIZES = keys.targets("wire/sizes")


@dataclass(frozen=True, slots=True)
class Narrow:
    """One direction that carries less than its sender's device."""

    size: int
    """Bytes of what the device takes."""
    largest: int
    is_exact: bool
    """False where the time was up before the largest size was found: it is between ``largest`` and ``size``."""


class UnderlayMtu(Scenario):
    """A path that carries less than the devices at its ends loses packets silently."""

    name: ClassVar[str] = "underlay-mtu"
    summary: ClassVar[str] = "packets of the underlay's full MTU pass whole between hosts"
    needs_observer: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask every observer for the MTU towards each peer, then for an echo of that size."""
        return in_steps(
            answers,
            lambda: [ways(setup, host) for host in setup.watched],
            lambda: [
                ObserverTask(host, SIZES.on(str(size)).name, {"kind": "sizes", "size": size, "targets": targets})
                for host in setup.watched
                for size, targets in _by_size(setup, answers, host).items()
            ],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for all, or one for each host or pair whose paths are narrower than their ends."""
        silent: dict[Pair, str] = {}
        narrow: dict[Pair, Narrow] = {}
        for host in setup.watched:
            for size, targets in _by_size(setup, answers, host).items():
                found, problem = outcomes(answers, host, SIZES.on(str(size)))
                for peer in targets:
                    outcome = found.get(peer, {})
                    largest = outcome.get("largest")
                    if problem or not isinstance(largest, int) or not largest:
                        silent[host, peer] = problem or "no ICMP echo passes at all"
                    elif largest < size:
                        narrow[host, peer] = Narrow(size, largest, is_exact=outcome.get("exact") is True)
        verdicts = [self._narrow(reach, narrow) for reach in _together(setup, frozenset(narrow))]
        alone = len(setup.watched) < 2  # noqa: PLR2004 - two ends
        missing = [] if alone else [host for host in setup.watched if not underlays(answers, host)]
        unmeasured = [f"{source} -> {target}: {why}" for (source, target), why in silent.items()]
        unmeasured += [f"{host} did not report its MTU" for host in missing]
        if alone:
            verdicts.append(absence.untested(setup, self.name, "underlay", "fewer than two hosts have an observer"))
        elif unmeasured:
            verdict = self.verdict("underlay", Status.INCONCLUSIVE, f"some paths were not measured: {unmeasured[0]}")
            needed = (
                *(frozenset(map(claims.node, pair)) | _passing(pair) for pair in silent),
                *(claims.each(map(claims.node, missing))),
            )
            verdicts.append(verdict.model_copy(update={"needed": needed}))
        sizes = {size for host in setup.watched for size in underlays(answers, host).values()}
        fine = f"packets of {', '.join(map(str, sorted(sizes)))} bytes pass whole between all hosts"
        return Findings(tuple(verdicts) or (self.verdict("underlay", Status.OK, fine),))

    def _narrow(self, reach: Reach, narrow: dict[Pair, Narrow]) -> Verdict:
        found = [narrow[pair] for pair in reach.pairs]
        size, exact = max(one.size for one in found), [one.largest for one in found if one.is_exact]
        largest = min(exact) if exact else max(one.largest for one in found)
        carries = f"packets of {'' if exact else 'at least '}{largest} bytes"
        return Verdict(
            scenario=self.name,
            subject=_subject(reach),
            status=Status.FAILED,
            detail=f"{_where(reach)} carries {carries}, but the hosts send up to {size}",
            fix=f"fix the {'link, ' if len(reach.hosts) == 1 else ''}switch or tunnel there"
            + (
                f", or give the underlay's devices that MTU; until then, recreate the networks with mtu: {largest}"
                * (largest >= LEAST)
            ),
            cause=CauseId.PATH_MTU,
            evidence={
                "cause": CauseId.PATH_MTU,
                "pairs": [[*pair] for pair in sorted(reach.pairs)],
                "hosts": [*reach.hosts],
                "largest": largest,
                "device": size,
            },
            broken=frozenset(claims.path(*pair) for pair in reach.pairs),
        )


def _passing(pair: Pair) -> frozenset[Claim]:
    return claims.both(lambda one, other: claims.passage("vxlan", one, other), *pair)


def _by_size(setup: Setup, answers: Answers, host: str) -> dict[int, JsonObject]:
    """Return the peers' addresses by the MTU with which the host sends to them."""
    targets = vteps(setup, peers_among(setup.watched, host))
    found: dict[int, JsonObject] = {}
    for peer, mtu in underlays(answers, host).items():
        if peer in targets:
            found.setdefault(mtu, {})[peer] = targets[peer]
    return found


def _together(setup: Setup, narrow: frozenset[Pair]) -> tuple[Reach, ...]:
    """Return the pairs that have one explanation together: one host or two in common.

    The sizes need not agree: what gets through one link may differ with peer and direction (seen on own kernels).
    """
    tested = frozenset((host, peer) for host in setup.watched for peer in peers_among(setup.watched, host))
    return decompose(narrow, tested)


def _subject(reach: Reach) -> str:
    if len(reach.hosts) == 1:
        return f"link of {reach.hosts[0]}"
    return f"{reach.hosts[0]} -> {reach.hosts[1]}" if reach.hosts else "underlay"


def _where(reach: Reach) -> str:
    first, last = (reach.hosts[0], reach.hosts[-1]) if reach.hosts else ("", "")
    return {
        Shape.ALL: "the underlay between all hosts",
        Shape.ISOLATED: f"the link of {first} to all others, both ways,",
        Shape.INBOUND: f"the link of {first}, into it,",
        Shape.OUTBOUND: f"the link of {first}, out of it,",
        Shape.BETWEEN: f"the path between {first} and {last}, both ways,",
        Shape.ONE_WAY: f"the path from {first} to {last}",
    }[reach.shape]
