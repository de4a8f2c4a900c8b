"""What the scenarios of IPVS have in common: only kernels that have it are asked, the others are reported once.

``/proc/net/ip_vs`` is there in every network namespace once the engine loaded the module, which it does when it first
balances a service (engines 20.10 to 28.5; without the module it only writes to its log).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Claim, Status, Verdict
from swarmnet.verify import absence, claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import FACTS, OBSERVER_FACTS
from swarmnet.verify.scenario import Answers, Findings, ProbeTask, Question, Scenario, Setup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.base import JsonObject, JsonValue

PER_BACKEND = 20
"""Connections counted for each backend."""
MOST = 400
"""Connections counted by one host, however many backends there are."""
FEWEST = 4
"""Connections counted for each backend, however many there are."""
SURE_TURNS = 2
"""Connections for each backend after which each had its turn, though others use the same balancer."""
UNEVEN = 0.1
"""Share by which a backend's count may be off."""
SLACK = 2
"""Connections by which it may always be off: others use the same balancer."""


class BalancedScenario(Scenario):
    """Something that IPVS does on every host, network by network."""

    needs_service: ClassVar[bool] = True

    @abstractmethod
    def questions(self, setup: Setup, answers: Answers, able: tuple[str, ...]) -> Iterable[Question]:
        """Return what to ask hosts whose kernel has IPVS."""

    @abstractmethod
    def findings(self, setup: Setup, answers: Answers, able: tuple[str, ...]) -> Iterable[Verdict]:
        """Judge what hosts whose kernel has IPVS answered."""

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask every probe whether its kernel has IPVS; then those that have it."""
        if setup.service is None:
            return ()
        facts = tuple(ProbeTask(probe.host, FACTS.name, {"kind": "facts"}) for probe in setup.ready)
        return (*facts, *self.questions(setup, answers, with_ipvs(setup, answers)))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return what is wrong; hosts whose kernel is not known are inconclusive."""
        if setup.service is None:
            return Findings((absence.unserved(setup, self.name),))
        unknown = [probe.host for probe in setup.ready if has_ipvs(answers, probe.host) is None]
        silent = [
            self.verdict(host, Status.INCONCLUSIVE, "the probe could not read the kernel's facts") for host in unknown
        ]
        return Findings((*self.findings(setup, answers, with_ipvs(setup, answers)), *silent))


@dataclass(frozen=True, slots=True)
class Share:
    """What fresh connections through one balancer came to."""

    cause: CauseId | None
    """What is wrong: hosts with the same cause get one verdict. None where nothing is."""
    status: Status
    detail: str


def knocks(backends: Mapping[str, str], target: tuple[str, int, str]) -> JsonObject:
    """Return the task of knocking at ``(address, port, protocol)`` until all backends answer, then counting."""
    number = len(backends)
    times = max(FEWEST, min(PER_BACKEND, MOST // max(number, 1))) * number
    return {"kind": "knock", "targets": {"door": list(target)}, "expected": [*sorted(backends)], "times": times}


def share(outcome: JsonObject, backends: Mapping[str, str]) -> Share:
    """Judge one count of connections: none lost, each backend hit, about evenly.

    IPVS deals out in turn (``rr``), so one client's counts differ by one at most; 10 % leave room for others.
    """
    tries, lost = _whole(outcome.get("tries")), _whole(outcome.get("lost"))
    seen = outcome.get("seen")
    counts = (
        {str(who): count for who, count in seen.items() if isinstance(count, int)} if isinstance(seen, dict) else {}
    )
    if not counts or lost:
        stale = not counts or is_stale(lost, tries, len(backends))
        words = f"{lost} of {tries} connections failed ({outcome.get('why')})"
        if stale:
            return Share(CauseId.BALANCE_LOST, Status.FAILED, words)
        return Share(CauseId.BALANCE_LOSSY, Status.WARNING, words)
    missing = sorted(host for node, host in backends.items() if node not in reached(outcome))
    if missing:
        return Share(
            CauseId.BALANCE_MISSING, Status.FAILED, f"no connection of {tries} reached the task on {', '.join(missing)}"
        )
    counts = {**dict.fromkeys(backends, 0), **counts}
    even = sum(counts.values()) / len(counts)
    worst, got = max(counts.items(), key=lambda item: abs(item[1] - even))
    if abs(got - even) > max(SLACK, even * UNEVEN):
        detail = f"the task on {backends.get(worst, worst)} got {got} of {tries} connections, not about {even:.0f}"
        return Share(CauseId.BALANCE_UNEVEN, Status.WARNING, detail)
    return Share(None, Status.OK, f"each backend got {min(counts.values())} to {max(counts.values())} of {tries}")


def reached(outcome: JsonObject) -> frozenset[str]:
    """Return who answered a host's connections: those that were counted, or those of the wait before."""
    found = outcome.get("reached", outcome.get("seen"))
    return frozenset(map(str, found)) if isinstance(found, dict | list) else frozenset()


def too_few(outcome: JsonObject, backends: Mapping[str, str]) -> str | None:
    """Say so where a host had no time for the turns that a task without an answer may have been due for; else None."""
    tries = _whole(outcome.get("tries"))
    if outcome.get("lost") or tries >= SURE_TURNS * len(backends) or backends.keys() <= reached(outcome):
        return None
    return (
        f"the host had time for {count(tries, 'connection')}, too few to reach"
        f" {count(len(backends), 'task')}: run verify again"
    )


def unreached(setup: Setup, network: str, host: str, outcome: JsonObject) -> tuple[frozenset[Claim], ...]:
    """Return what one host's connections to a virtual address needed, as far as they failed.

    IPVS deals out in turn, so the tasks that never answered are those that were not reached, once each had its turn;
    losses beyond theirs can only come from the balancer itself. A few connections tell neither: those of others are
    dealt out between them, and a task without an answer may have had no turn.
    """
    known = setup.service.backends if setup.service else {}
    lost, tries, seen = _whole(outcome.get("lost")), _whole(outcome.get("tries")), reached(outcome)
    missing = sorted(peer for node, peer in known.items() if node not in seen)
    table = frozenset((claims.balancer(host, network),))
    found = [table | claims.exchange(setup, network, host, peer) for peer in missing]
    if tries < SURE_TURNS * len(known) and found:
        return (frozenset[Claim]().union(*found),)
    turns = -(-tries * len(missing) // len(known)) if known else 0
    surplus = tries >= FEWEST * len(known) and is_stale(lost - turns, tries, len(known))
    return (*found, table) if surplus or not found else tuple(found)


def _whole(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


def is_stale(lost: int, tries: int, backends: int) -> bool:
    """Return whether so many losses may come from one backend too much: single packets get lost on busy hosts, too.

    A stale backend among ``backends`` good ones loses one connection of ``backends`` + 1; half of that counts.
    """
    return lost * 2 * (backends + 1) >= tries and lost > 0


def has_ipvs(answers: Answers, host: str) -> bool | None:
    """Return what the probe or the observer saw; None when neither was asked, or could tell."""
    seen = [facts for key in (FACTS, OBSERVER_FACTS) if (facts := key.read(answers, host)) is not None]
    return any(seen) if seen else None


def with_ipvs(setup: Setup, answers: Answers) -> tuple[str, ...]:
    """Return the hosts whose kernel is known to have IPVS."""
    return tuple(probe.host for probe in setup.ready if has_ipvs(answers, probe.host))
